// HTTP as our handlers see it: plain values, free of any HTTP library.
//
// Values. Names of request headers are in lower case; a header sent twice is one, joined by ", ".
// `path` and `query` are percent-decoded and filled by the dispatcher; `target` is what the client
// wrote.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace vs::http {

inline constexpr std::size_t kPathSegmentsMax = 16;
inline constexpr std::size_t kQueryParametersMax = 16;
inline constexpr std::size_t kRequestIdBytesMax = 128;

// Who sits at the other end of the unix socket, as the kernel says it.
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  friend bool operator==(const Peer&, const Peer&) = default;
};

struct Request {
  std::string method;
  std::string target;
  std::map<std::string, std::string, std::less<>> headers;
  std::string body;
  std::optional<Peer> peer;  // absent: unknown, and then allowed nothing

  std::vector<std::string> path;
  std::map<std::string, std::string, std::less<>> query;
  std::string id;  // X-Request-Id: the client's, or one made here

  // The header's value; empty when it is not there. `name` in lower case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type;
  std::string body;
};

struct Target {
  std::vector<std::string> path;
  std::map<std::string, std::string, std::less<>> query;
};

// Splits "/v1/domains/web1?dryRun=true"; takes "http://any-host/v1" too, as RFC 9112 asks. Pure.
// Errors: invalid, for a bad escape, a NUL, a fragment, a parameter given twice, or too many parts.
Result<Target> parse_target(std::string_view target);

// The peer's text form, in which it travels through the HTTP library: "unix:uid=0,gid=0,pid=123".
std::string format_peer(const Peer& peer);
std::optional<Peer> parse_peer(std::string_view text);

// `client_id` when it is 1 to kRequestIdBytesMax of [A-Za-z0-9._-], otherwise 32 random hexadecimal
// digits.
std::string request_id(std::string_view client_id);

// As JSON text; bytes that are not UTF-8 become U+FFFD, so that no foreign byte can make it fail.
std::string json_text(const nlohmann::json& value);
Response json_response(int status, const nlohmann::json& value);

// "OK", "Not Found", ...; empty for a status we never send.
std::string_view reason_phrase(int status);

}  // namespace vs::http
