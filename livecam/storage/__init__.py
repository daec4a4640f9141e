"""Files by their addresses: on disks of this machine, in S3 and on the web; the one home of fsspec.

Importing this package imports no fsspec, and contacts nobody; only a file whose address names
another machine does.
"""
