#include "vsmgrd/api/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using Certificate = std::unique_ptr<X509, CloseWith<&X509_free>>;
using Signers = std::unique_ptr<X509_STORE, CloseWith<&X509_STORE_free>>;
using Verification = std::unique_ptr<X509_STORE_CTX, CloseWith<&X509_STORE_CTX_free>>;

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

// Which CAs sign for whom. The handshake takes what any of them signed.
struct Authorities {
  Signers clients;  // null: none
  Signers nodes;
};

void free_authorities(void*, void* authorities, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Authorities*>(authorities);
}

// Where a context keeps its Authorities.
int authorities_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_authorities);
  return index;
}

Result<Signers> authorities_of(const std::filesystem::path& ca) {
  Signers store;
  if (ca.empty()) return store;
  store.reset(X509_STORE_new());
  if (!store || X509_STORE_load_locations(store.get(), ca.c_str(), nullptr) != 1)
    return tls_fault(ca, "no CA certificate can be read");
  return store;
}

Result<> trust_clients(SSL_CTX* context, const TlsFiles& files) {
  if (files.client_ca.empty() && files.peer_ca.empty()) return {};
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  SSL_CTX_set_client_CA_list(context, names);  // takes it
  for (const auto& ca : {files.client_ca, files.peer_ca}) {
    if (ca.empty()) continue;
    if (SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) != 1 ||
        SSL_add_file_cert_subjects_to_stack(names, ca.c_str()) != 1)
      return tls_fault(ca, "no CA certificate can be read");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  auto clients = authorities_of(files.client_ca);
  if (!clients) return fail(std::move(clients.error()));
  auto nodes = authorities_of(files.peer_ca);
  if (!nodes) return fail(std::move(nodes.error()));
  SSL_CTX_set_ex_data(context, authorities_index(), new Authorities{std::move(*clients), std::move(*nodes)});
  return {};
}

// Empty when one of `store` signed it for `purpose` ("ssl_client"), by way of `others`; otherwise why not.
std::string why_not_signed(X509_STORE* store, X509* certificate, STACK_OF(X509)* others, const char* purpose) {
  if (store == nullptr) return "there is no CA";
  const Verification verification(X509_STORE_CTX_new());
  if (!verification || X509_STORE_CTX_init(verification.get(), store, certificate, others) != 1) return "out of memory";
  X509_STORE_CTX_set_default(verification.get(), purpose);
  const bool holds = X509_verify_cert(verification.get()) == 1;
  std::string why;
  if (!holds) why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification.get()));
  ERR_clear_error();
  return why;
}

std::string common_name(const X509* certificate) {
  std::array<char, kCommonNameBytesMax + 1> name{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                             name.data(), static_cast<int>(name.size()));
  return size > 0 ? std::string(name.data(), static_cast<std::size_t>(size)) : std::string();
}

// With what is the same at both ends.
Result<std::shared_ptr<SSL_CTX>> make_context(const SSL_METHOD* method, const TlsFiles& files) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), &SSL_CTX_free);
  if (!context) return fail(ErrorCode::exhausted, "TLS: no context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  // A resumed session would bring a certificate that was not looked at again.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  if (auto used = use_own_certificate(context.get(), files); !used) return fail(std::move(used.error()));
  return context;
}

}  // namespace

Result<> TlsContext::load(const TlsFiles& files) {
  auto context = make_context(TLS_server_method(), files);
  if (!context) return fail(std::move(context.error()));
  if (auto trusted = trust_clients(context->get(), files); !trusted) return trusted;
  context_.with([&](auto& current) { current = *context; });
  return {};
}

std::shared_ptr<SSL_CTX> TlsContext::current() const {
  return context_.with([](const auto& current) { return current; });
}

ClientCertificate client_certificate(SSL* connection) {
  const Certificate shown(SSL_get1_peer_certificate(connection));
  if (!shown || SSL_get_verify_result(connection) != X509_V_OK) return {};
  ClientCertificate known;
  const auto* by = static_cast<const Authorities*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), authorities_index()));
  const auto signed_by = [&](const Signers& store) {
    return store && why_not_signed(store.get(), shown.get(), SSL_get_peer_cert_chain(connection), "ssl_client").empty();
  };
  if (by == nullptr) return {};
  if (signed_by(by->nodes)) known.node = common_name(shown.get());
  if (!signed_by(by->clients)) return known;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  if (X509_digest(shown.get(), EVP_sha256(), digest.data(), &bytes) != 1) return known;
  for (unsigned i = 0; i < bytes; ++i) known.sha256 += fmt::format("{:02x}", digest[i]);
  known.subject = common_name(shown.get());
  return known;
}

Result<std::shared_ptr<SSL_CTX>> context_for_peers(const TlsFiles& files) {
  auto context = make_context(TLS_client_method(), files);
  if (!context) return context;
  if (files.peer_ca.empty() || SSL_CTX_load_verify_locations(context->get(), files.peer_ca.c_str(), nullptr) != 1)
    return tls_fault(files.peer_ca, "no CA certificate can be read");
  SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

Result<> check_own_certificate(const TlsFiles& files, const std::string& node) {
  const auto context = context_for_peers(files);
  if (!context) return fail(context.error());
  X509* const own = SSL_CTX_get0_certificate(context->get());
  STACK_OF(X509)* others = nullptr;
  SSL_CTX_get0_chain_certs(context->get(), &others);
  const auto wrong = [&](std::string what) {
    return fail(ErrorCode::invalid, files.certificate.native() + ": other nodes will not take it: " + std::move(what));
  };
  const std::string name = common_name(own);
  if (name != node) return wrong(fmt::format("its common name is {}, this node's is {}", in_quotes(name), in_quotes(node)));
  if (X509_check_host(own, node.data(), node.size(), 0, nullptr) != 1)
    return wrong(fmt::format("no DNS name of its subjectAltName is {}", in_quotes(node)));
  for (const char* purpose : {"ssl_client", "ssl_server"})
    if (const std::string why = why_not_signed(SSL_CTX_get_cert_store(context->get()), own, others, purpose); !why.empty())
      return wrong(fmt::format("as {} by the CA of {}: {}", purpose, files.peer_ca.native(), why));
  return {};
}

}  // namespace vs::http
