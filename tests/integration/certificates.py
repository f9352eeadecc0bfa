"""Certificates for one test, made by the openssl program in the test's directory, as docs/access.md says."""

import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, directory, name="test-ca"):
        self.directory = directory
        self.key, self.certificate = directory / f"{name}.key", directory / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, name, common_name=None, alternative=None, days=7):
        """Makes NAME.key and NAME.pem and returns their paths."""
        key, request, certificate = (self.directory / f"{name}.{end}" for end in ("key", "csr", "pem"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", f"/CN={common_name or name}", "-keyout", key, "-out", request,
                *(["-addext", f"subjectAltName={alternative}"] if alternative else []))
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                "-days", days, "-copy_extensions", "copy", "-out", certificate)
        return key, certificate
