// TLS of the remote API: version 1.3 only, our certificate, and those of clients that a CA of ours
// signed.
//
// Thread-safe. A client may come without a certificate (it then needs a token); one that shows a
// certificate that does not hold is refused in the handshake. load() replaces everything for
// connections made from then on; when it fails, what was there stays. Errors: invalid, naming the
// file: it cannot be read, is not PEM, has expired, or the key is another certificate's.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "base/result.h"

// OpenSSL's SSL_CTX and SSL.
struct ssl_ctx_st;
struct ssl_st;

namespace vs::http {

struct TlsFiles {
  std::filesystem::path certificate;  // PEM, with the chain behind it
  std::filesystem::path key;          // PEM
  std::filesystem::path client_ca{};  // PEM; empty: no client certificate is taken
};

class TlsContext {
 public:
  Result<> load(const TlsFiles& files);
  // Null before load().
  [[nodiscard]] std::shared_ptr<ssl_ctx_st> current() const;

 private:
  Guarded<std::shared_ptr<ssl_ctx_st>> context_;
};

// Of the certificate that the client showed and the handshake found to hold; empty without one.
struct ClientCertificate {
  std::string sha256;   // of its DER form; 64 hex digits in lower case
  std::string subject;  // its common name
};
ClientCertificate client_certificate(ssl_st* connection);

}  // namespace vs::http
