// TLS of the remote API, and of what we ask other nodes: version 1.3 only, our certificate, and those
// of others that a CA of ours signed.
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
  std::filesystem::path peer_ca{};    // PEM, of other nodes' certificates; empty: none of those is taken
};

class TlsContext {
 public:
  Result<> load(const TlsFiles& files);
  // Null before load().
  [[nodiscard]] std::shared_ptr<ssl_ctx_st> current() const;

 private:
  Guarded<std::shared_ptr<ssl_ctx_st>> context_;
};

// Of the certificate that the client showed and the handshake found to hold; empty without one, and
// of one that was not signed by a CA for that.
struct ClientCertificate {
  std::string sha256;   // signed for a client: of its DER form; 64 hex digits in lower case
  std::string subject;  // its common name
  std::string node;     // signed for another node: its common name
};
ClientCertificate client_certificate(ssl_st* connection);

// For connections to other nodes: shows our certificate, takes what files.peer_ca signed. Whose name the
// other's certificate must have is the connection's to say. Errors: those of TlsContext::load.
Result<std::shared_ptr<ssl_ctx_st>> context_for_peers(const TlsFiles& files);

// Whether other nodes would take our certificate for that of `node`: files.peer_ca signed it for both
// ends of a connection, and its common name and a DNS name of it are that. Errors: invalid, naming the
// file and what is missing.
Result<> check_own_certificate(const TlsFiles& files, const std::string& node);

}  // namespace vs::http
