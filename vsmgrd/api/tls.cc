#include "vsmgrd/api/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using Certificate = std::unique_ptr<X509, CloseWith<&X509_free>>;

inline constexpr int kCommonNameBytesMax = 64;  // X.520's upper bound

tl::unexpected<Error> tls_fault(const std::filesystem::path& file, std::string_view what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return fail(ErrorCode::invalid, fmt::format("{}: {}{}{}", file.native(), what, reason ? ": " : "",
                                              reason ? reason : ""));
}

Result<> use_own_certificate(SSL_CTX* context, const TlsFiles& files) {
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return tls_fault(files.certificate, "no certificate can be read");
  const X509* own = SSL_CTX_get0_certificate(context);
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
    return tls_fault(files.certificate, "the certificate has expired");
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return tls_fault(files.key, "no key of this certificate can be read");
  if (SSL_CTX_check_private_key(context) != 1)
    return tls_fault(files.key, "is the key of another certificate");
  return {};
}

Result<> trust_clients(SSL_CTX* context, const std::filesystem::path& ca) {
  if (ca.empty()) return {};
  if (SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) != 1)
    return tls_fault(ca, "no CA certificate can be read");
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(ca.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return {};
}

}  // namespace

Result<> TlsContext::load(const TlsFiles& files) {
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) return fail(ErrorCode::exhausted, "TLS: no context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  // A resumed session would bring a client certificate that was not looked at again.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  if (auto used = use_own_certificate(context.get(), files); !used) return used;
  if (auto trusted = trust_clients(context.get(), files.client_ca); !trusted) return trusted;
  context_.with([&](auto& current) { current = context; });
  return {};
}

std::shared_ptr<SSL_CTX> TlsContext::current() const {
  return context_.with([](const auto& current) { return current; });
}

ClientCertificate client_certificate(SSL* connection) {
  const Certificate shown(SSL_get1_peer_certificate(connection));
  if (!shown || SSL_get_verify_result(connection) != X509_V_OK) return {};
  ClientCertificate known;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  if (X509_digest(shown.get(), EVP_sha256(), digest.data(), &bytes) != 1) return {};
  for (unsigned i = 0; i < bytes; ++i) known.sha256 += fmt::format("{:02x}", digest[i]);
  std::array<char, kCommonNameBytesMax + 1> name{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName,
                                             name.data(), static_cast<int>(name.size()));
  if (size > 0) known.subject.assign(name.data(), static_cast<std::size_t>(size));
  return known;
}

}  // namespace vs::http
