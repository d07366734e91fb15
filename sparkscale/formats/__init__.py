"""What tables and text files can hold, and the rules by which they are read and written. Needs no Spark."""
