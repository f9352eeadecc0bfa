#include "dataplane/files/question.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/abi/dns.h"

namespace vs::files {

tl::expected<Question, int> parse_question(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.ends_with('.')) line.remove_suffix(1);
  if (line.empty()) return tl::unexpected(EINVAL);
  if (line.size() > VS_DNS_NAME_BYTES_MAX) return tl::unexpected(ENAMETOOLONG);
  const bool printable = std::all_of(line.begin(), line.end(), [](char one) { return one > ' ' && one < 0x7f; });
  if (!printable) return tl::unexpected(EINVAL);
  Question question{.name = std::string(line)};
  for (const int family : {AF_INET, AF_INET6})
    if (::inet_pton(family, question.name.c_str(), question.address.data()) == 1) {
      question.family = family;
      question.name.clear();
      break;
    }
  return question;
}

}  // namespace vs::files
