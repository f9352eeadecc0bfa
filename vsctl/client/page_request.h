// What a browser may ask of the daemon through `vsctl ui`, and what is refused.
//
// A browser is not trusted: any page that it shows, and any user of this machine, may connect to a port of 127.0.0.1. Asked must be
// by the secret in the address, by a name of this host (no other site's name that resolves here), and for what the page needs.
// Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace vs::ctl {

inline constexpr std::size_t kPageHeadBytesMax = 16 * 1024;

struct PageRequest {
  std::string target;  // for the daemon: "/v1/bindings?limit=50"
  std::string accept;  // empty: not said
};

struct PageRefusal {
  int status = 404;
  std::string why;
};

// `head` is a whole request head, up to and with its empty line.
tl::expected<PageRequest, PageRefusal> judge_page_request(std::string_view head, std::string_view secret);

}  // namespace vs::ctl
