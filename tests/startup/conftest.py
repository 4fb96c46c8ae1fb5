from tests.blobs.conftest import bucket, environment, refusing, s3

__all__ = ["bucket", "environment", "refusing", "s3"]
