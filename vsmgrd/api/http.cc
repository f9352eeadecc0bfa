#include "vsmgrd/api/http.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace vs::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return fail(ErrorCode::invalid, "request target: bad %-escape");
    if (high == 0 && low == 0) return fail(ErrorCode::invalid, "request target: %00");
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

// Cuts `text` at the first `separator` and returns what stood before it; `text` keeps the rest.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return head;
}

Result<std::vector<std::string>> parse_path(std::string_view path) {
  std::vector<std::string> segments;
  if (path == "/") return segments;
  path.remove_prefix(1);
  for (bool more = true; more;) {
    more = path.find('/') != std::string_view::npos;
    auto segment = percent_decode(cut(path, '/'));
    if (!segment) return fail(std::move(segment.error()));
    if (segments.size() == kPathSegmentsMax)
      return fail(ErrorCode::invalid,
                  fmt::format("request target: more than {} path segments", kPathSegmentsMax));
    segments.push_back(std::move(*segment));
  }
  return segments;
}

bool plain_id_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

Result<Target> parse_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t path = target.find_first_of("/?", scheme.size());
    target = path == std::string_view::npos ? "/" : target.substr(path);
    break;
  }
  if (!target.starts_with('/'))
    return fail(ErrorCode::invalid, "request target: does not begin with /");
  if (target.find('#') != std::string_view::npos)
    return fail(ErrorCode::invalid, "request target: has a fragment");

  Target parsed;
  auto path = parse_path(cut(target, '?'));
  if (!path) return fail(std::move(path.error()));
  parsed.path = std::move(*path);

  while (!target.empty()) {
    std::string_view pair = cut(target, '&');
    if (pair.empty()) continue;
    auto key = percent_decode(cut(pair, '='));
    if (!key) return fail(std::move(key.error()));
    auto value = percent_decode(pair);
    if (!value) return fail(std::move(value.error()));
    if (parsed.query.size() == kQueryParametersMax)
      return fail(ErrorCode::invalid,
                  fmt::format("request target: more than {} parameters", kQueryParametersMax));
    if (!parsed.query.emplace(*key, std::move(*value)).second)
      return fail(ErrorCode::invalid, fmt::format("query parameter \"{}\": given twice", *key));
  }
  return parsed;
}

std::string request_id(std::string_view client_id) {
  const bool usable = !client_id.empty() && client_id.size() <= kRequestIdBytesMax &&
                      std::all_of(client_id.begin(), client_id.end(), plain_id_byte);
  if (usable) return std::string(client_id);
  std::array<unsigned char, 16> random{};
  VS_CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return fmt::format("{:02x}", fmt::join(random, ""));
}

std::string json_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Response json_response(int status, const nlohmann::json& value) {
  return {.status = status, .content_type = "application/json", .body = json_text(value) + '\n'};
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 507: return "Insufficient Storage";
    default: return {};
  }
}

}  // namespace vs::http
