// HTTP/1.1 beyond what the parser judges: a request head's meaning, and a response as bytes.
//
// Pure, thread-safe. Sizes are bytes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "vsmgrd/api/http.h"

namespace vs::http {

// A request as it was parsed, before its body.
struct Head {
  std::string method;
  std::string target;
  unsigned version = 11;  // 10 or 11
  bool keep_alive = true;
  std::vector<std::pair<std::string, std::string>> fields;  // as sent, in order

  [[nodiscard]] std::size_t count(std::string_view name) const;  // without regard to case
  // The first such field; empty when there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const;
};

// Refuses what leaves it open where a request ends or whom it is for (RFC 9112, 3.2, 6.1, 6.3): no
// Host or two, a transfer coding other than "chunked", a coding in HTTP/1.0, several lengths.
// Errors: invalid.
Result<> check_head(const Head& head);

bool same_word(std::string_view a, std::string_view b);  // ASCII, without regard to case

inline constexpr std::string_view kYamlType = "application/yaml";  // RFC 9512
inline constexpr std::string_view kPeerMessagesPath = "/v1/peer-messages";  // peers' POST, and may be longer than others
// Whether a Content-Type is `wanted`, whatever its parameters.
bool is_media_type(std::string_view content_type, std::string_view wanted);

struct WireOptions {
  unsigned version = 11;
  bool keep_alive = true;
  bool head_only = false;  // the answer to HEAD: the length of a body that is not sent
  std::chrono::system_clock::time_point date{};
};
// A header whose value has a control byte is left out: it could end the header and begin another.
std::string response_text(const Response& response, const WireOptions& options);

// Part of a chunked body; the empty one is the last (RFC 9112, 7.1).
std::string chunk_text(std::string_view part);

}  // namespace vs::http
