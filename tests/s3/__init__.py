"""Jobs on an object store: real S3A and obstore clients against a server on this machine. scripts/test --s3."""
