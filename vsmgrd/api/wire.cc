#include "vsmgrd/api/wire.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

namespace vs::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// IMF-fixdate (RFC 9110, 5.6.7); strftime would follow the locale.
std::string format_date(std::chrono::system_clock::time_point when) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

void append_header(std::string& text, std::string_view name, std::string_view value) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(value.begin(), value.end(), control)) return;
  text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_media_type(std::string_view content_type, std::string_view wanted) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return same_word(content_type, wanted);
}

std::size_t Head::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(),
                    [&](const auto& field) { return same_word(field.first, name); }));
}

std::string_view Head::field(std::string_view name) const {
  for (const auto& [known, value] : fields)
    if (same_word(known, name)) return value;
  return {};
}

Result<> check_head(const Head& head) {
  if (head.version >= 11 && head.count("Host") != 1)
    return fail(ErrorCode::invalid, "an HTTP/1.1 request has exactly one Host header");
  if (head.count("Content-Length") > 1 ||
      head.field("Content-Length").find(',') != std::string_view::npos)
    return fail(ErrorCode::invalid, "Content-Length: given more than once");
  const std::size_t codings = head.count("Transfer-Encoding");
  if (codings == 0) return {};
  if (head.version < 11)
    return fail(ErrorCode::invalid, "Transfer-Encoding: not in an HTTP/1.0 request");
  if (codings > 1 || !same_word(head.field("Transfer-Encoding"), "chunked"))
    return fail(ErrorCode::invalid, "Transfer-Encoding: only \"chunked\" is known");
  return {};
}

std::string response_text(const Response& response, const WireOptions& options) {
  std::string text = fmt::format("HTTP/1.{} {} {}\r\n", options.version >= 11 ? 1 : 0,
                                 response.status, reason_phrase(response.status));
  append_header(text, "Date", format_date(options.date));
  if (!response.content_type.empty()) append_header(text, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) append_header(text, name, value);
  if (!response.stream)
    append_header(text, "Content-Length", std::to_string(response.body.size()));
  else if (options.version >= 11)  // before, the body lasts until the connection closes
    append_header(text, "Transfer-Encoding", "chunked");
  append_header(text, "Connection", options.keep_alive ? "keep-alive" : "close");
  text += "\r\n";
  if (!options.head_only) text += response.body;
  return text;
}

std::string chunk_text(std::string_view part) {
  return fmt::format("{:x}\r\n{}\r\n", part.size(), part);
}

}  // namespace vs::http
