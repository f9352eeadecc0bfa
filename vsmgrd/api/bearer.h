// Secrets that clients present, and what is kept of them.
//
// Values; pure functions; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "vsmgrd/api/http.h"

namespace vs::http {

inline constexpr std::size_t kSecretBytesMin = 32;  // of one that an operator chose
inline constexpr std::size_t kSecretBytesMax = 4096;

// The token of "Authorization: Bearer TOKEN"; empty when there is none.
std::string_view bearer_of(const Request& request);

// The hash of a secret. That is enough for secrets that are as long as a random key.
class SecretHash {
 public:
  static SecretHash of(std::string_view secret);
  // The first line of a file. Errors: by errno; invalid: too short, too long, or others may read it.
  static Result<SecretHash> of_file(const std::filesystem::path& file);

  // Takes as long for every secret of a length.
  [[nodiscard]] bool fits(std::string_view secret) const;

 private:
  std::array<std::uint8_t, 32> sha256_{};
};

}  // namespace vs::http
