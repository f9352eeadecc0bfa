// Certificates of one test: a CA, and what it signs, as PEM files in the test's directory.
//
// Ends the test when one cannot be made. Needs OpenSSL::Crypto.
#pragma once

#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <fstream>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/unique_fd.h"
#include "vsmgrd/api/tls.h"

namespace vs::test {

class Authority {
 public:
  Authority(std::filesystem::path directory, const std::string& name)
      : directory_(std::move(directory)), name_(name), key_(make_key()), certificate_(make(name, key_.get(), "CA:TRUE", {}, 0)) {
    write(file(), certificate_.get(), nullptr);
  }

  [[nodiscard]] std::filesystem::path file() const { return directory_ / (name_ + ".pem"); }

  struct Wanted {
    std::string name;             // common name
    std::string alternative = {};  // "DNS:node1"; empty: "DNS:" and the common name
    long begins_s = -3600;        // when it holds, from now
    long ends_s = 3600;
  };
  // Its certificate and key; the CAs are the caller's to fill in.
  [[nodiscard]] http::TlsFiles issue(const Wanted& wanted) const {
    const Key key = make_key();
    const std::string alternative = wanted.alternative.empty() ? "DNS:" + wanted.name : wanted.alternative;
    const Certificate made = make(wanted.name, key.get(), "CA:FALSE", alternative, wanted.begins_s, wanted.ends_s);
    static int count = 0;
    const std::string stem = name_ + "-" + wanted.name + std::to_string(++count);
    const http::TlsFiles files{.certificate = directory_ / (stem + ".pem"), .key = directory_ / (stem + ".key")};
    write(files.certificate, made.get(), nullptr);
    write(files.key, nullptr, key.get());
    return files;
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, CloseWith<&EVP_PKEY_free>>;
  using Certificate = std::unique_ptr<X509, CloseWith<&X509_free>>;

  static Key make_key() {
    Key key(EVP_EC_gen("P-256"));
    VS_CHECK(key);
    return key;
  }
  Certificate make(const std::string& name, EVP_PKEY* key, const char* basic, const std::string& alternative, long begins_s,
                   long ends_s = 3600) const {
    Certificate made(X509_new());
    X509_set_version(made.get(), 2);
    static long serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), begins_s);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), ends_s);
    X509_set_pubkey(made.get(), key);
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8, text, -1, -1, 0);
    X509* const issuer = certificate_ ? certificate_.get() : made.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    add(made.get(), issuer, NID_basic_constraints, basic);
    if (!alternative.empty()) add(made.get(), issuer, NID_subject_alt_name, alternative.c_str());
    VS_CHECK(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0);
    return made;
  }
  static void add(X509* to, X509* issuer, int what, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
    VS_CHECK(extension != nullptr && X509_add_ext(to, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  static void write(const std::filesystem::path& file, X509* certificate, EVP_PKEY* key) {
    std::FILE* const out = std::fopen(file.c_str(), "w");
    VS_CHECK(out != nullptr);
    VS_CHECK((certificate == nullptr || PEM_write_X509(out, certificate) == 1) &&
             (key == nullptr || PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1));
    std::fclose(out);
  }

  const std::filesystem::path directory_;
  const std::string name_;
  const Key key_;
  const Certificate certificate_;
};

// Several CAs in one file.
inline std::filesystem::path bundle(const std::filesystem::path& into, std::initializer_list<const Authority*> authorities) {
  std::ofstream out(into);
  for (const Authority* one : authorities) out << std::ifstream(one->file()).rdbuf();
  return into;
}

}  // namespace vs::test
