"""Tests over Spark Connect and Sail, in processes of their own: one Python holds classic Spark or Connect, not both."""
