#include "vsmgrd/api/bearer.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {

std::string_view bearer_of(const Request& request) {
  static constexpr std::string_view kScheme = "Bearer ";
  std::string_view value = request.header("authorization");
  if (value.size() <= kScheme.size() || !same_word(value.substr(0, kScheme.size()), kScheme))
    return {};
  value.remove_prefix(kScheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value.size() > kSecretBytesMax ? std::string_view() : value;
}

SecretHash SecretHash::of(std::string_view secret) {
  SecretHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), hash.sha256_.data());
  return hash;
}

Result<SecretHash> SecretHash::of_file(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return fail_errno(errno, file.native());
  if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
    return fail(ErrorCode::invalid,
                file.native() + ": holds a secret, and others may read it: make its mode 0600 or 0640");
  std::string text(kSecretBytesMax + 1, '\0');
  const ssize_t bytes = ::read(fd.get(), text.data(), text.size());
  if (bytes < 0) return fail_errno(errno, file.native());
  text.resize(static_cast<std::size_t>(bytes));
  text = text.substr(0, text.find_first_of("\r\n"));
  if (text.size() < kSecretBytesMin || text.size() > kSecretBytesMax)
    return fail(ErrorCode::invalid,
                fmt::format("{}: its first line must have {} to {} bytes", file.native(),
                            kSecretBytesMin, kSecretBytesMax));
  const SecretHash hash = of(text);
  OPENSSL_cleanse(text.data(), text.size());
  return hash;
}

bool SecretHash::fits(std::string_view secret) const {
  const SecretHash other = of(secret);
  return CRYPTO_memcmp(sha256_.data(), other.sha256_.data(), sha256_.size()) == 0;
}

}  // namespace vs::http
