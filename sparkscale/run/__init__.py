"""What a job does, verb by verb. Imports everything but the command line."""
