#include "vsmgrd/migration/cookie.h"

#include <sys/random.h>

#include <array>

#include "base/check.h"
#include "base/digest.h"

namespace vs::handoff {

std::string cookie_of(std::string_view secret, const Message& message) {
  std::string text(secret);
  for (const std::string_view part : {std::string_view(message.id), name_of(message.verb),
                                      std::string_view(message.answer == Answer::none ? "request" : "answer"),
                                      std::string_view(message.from), std::string_view(message.to)}) {
    text += '\n';  // ids, words and names hold none
    text += part;
  }
  return sha256_hex(text);
}

bool has_cookie(const Message& message, std::string_view secret) {
  return secret.size() == kSecretBytes && equal_in_constant_time(message.cookie, cookie_of(secret, message));
}

bool equal_secrets(std::string_view one, std::string_view other) {
  return one.size() == kSecretBytes && equal_in_constant_time(one, other);
}

std::string random_secret() {
  std::array<unsigned char, kSecretBytes / 2> bytes{};
  VS_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

}  // namespace vs::handoff
