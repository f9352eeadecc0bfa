#include "vsctl/client/page_request.h"

#include <strings.h>

#include <algorithm>
#include <array>

#include "base/digest.h"

namespace vs::ctl {
namespace {

// What the page shows is there; tokens and the audit are not among it.
constexpr std::array<std::string_view, 9> kOpen{"/ui", "/metrics", "/v1/nodes", "/v1/domains", "/v1/services",
                                                "/v1/bindings", "/v1/slas", "/v1/warnings", "/v1/events"};
constexpr std::array<std::string_view, 3> kHosts{"127.0.0.1", "localhost", "[::1]"};  // the others: through a tunnel

bool same_word(std::string_view one, std::string_view other) {
  return one.size() == other.size() && strncasecmp(one.data(), other.data(), one.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The lines of `head`, one after the other.
std::string_view take_line(std::string_view& head) {
  const std::size_t end = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, end);
  head.remove_prefix(std::min(end + 2, head.size()));
  return line;
}

bool is_host_here(std::string_view host) {
  const std::size_t port = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  const std::string_view name = host.substr(0, port);
  return std::any_of(kHosts.begin(), kHosts.end(), [&](std::string_view one) { return same_word(name, one); });
}

bool is_open(std::string_view path) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' || c == '_' || c == '.';
  };
  if (!std::all_of(path.begin(), path.end(), plain) || path.find("..") != path.npos) return false;
  return std::any_of(kOpen.begin(), kOpen.end(), [&](std::string_view open) {
    return path == open || (path.starts_with(open) && path[open.size()] == '/');
  });
}

}  // namespace

tl::expected<PageRequest, PageRefusal> judge_page_request(std::string_view head, std::string_view secret) {
  const auto refuse = [](int status, std::string why) { return tl::unexpected(PageRefusal{status, std::move(why)}); };
  const std::string_view line = take_line(head);
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (first == line.npos || second == line.npos || !line.substr(second + 1).starts_with("HTTP/1."))
    return refuse(400, "this is not HTTP/1");
  if (line.substr(0, first) != "GET") return refuse(405, "the page only reads");
  PageRequest request;
  std::string_view host;
  while (!head.empty()) {
    const std::string_view field = take_line(head);
    const std::size_t colon = field.find(':');
    if (colon == field.npos) continue;
    const std::string_view value = trimmed(field.substr(colon + 1));
    if (same_word(field.substr(0, colon), "host")) host = value;
    if (same_word(field.substr(0, colon), "accept")) request.accept = value;
  }
  if (!is_host_here(host)) return refuse(403, "asked for by another host's name");
  std::string_view target = line.substr(first + 1, second - first - 1);
  if (!target.starts_with('/')) return refuse(400, "the target is no path");
  target.remove_prefix(1);
  const std::size_t end = std::min(target.find('/'), target.size());
  if (!equal_in_constant_time(target.substr(0, end), secret)) return refuse(404, "nothing is here; take the address that vsctl ui printed");
  target.remove_prefix(end);
  if (!is_open(target.substr(0, target.find('?')))) return refuse(404, "the page has no such thing");
  request.target = target;
  return request;
}

}  // namespace vs::ctl
