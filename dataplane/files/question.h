// What a program writes into a dns file: a name, or an address whose names are asked for.
//
// Pure; thread-safe.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace vs::files {

struct Question {
  std::string name;  // empty: the names of the address
  int family = 0;    // AF_INET, AF_INET6, of the address
  std::array<unsigned char, 16> address{};
};

// Of one line, with or without its end. The error is an errno: EINVAL for none and for more than one, ENAMETOOLONG.
tl::expected<Question, int> parse_question(std::string_view line);

}  // namespace vs::files
