// The kinds of objects, by every name that a user may type.
//
// Immutable; thread-safe. Errors: invalid, listing the kinds.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "vsctl/client/failure.h"

namespace vs::ctl {

struct KindNames {
  std::string_view kind;      // in documents: "Domain"
  std::string_view singular;  // "domain"
  std::string_view plural;    // in REST paths: "domains"
  std::string_view brief;     // "dom"
};

inline constexpr std::array kKindNames{KindNames{"Domain", "domain", "domains", "dom"},
                                       KindNames{"Service", "service", "services", "svc"},
                                       KindNames{"AccessPolicy", "policy", "policies", "pol"},
                                       KindNames{"Binding", "binding", "bindings", "bind"}};

inline constexpr const char* kKindHelp =
    "domain (dom), service (svc), policy (pol) or binding (bind); also in the plural";

// Upper and lower case alike.
Outcome<KindNames> parse_kind(std::string_view word);

// As messages name an object: "binding/web1-dns". `kind` as in documents.
std::string object_name(std::string_view kind, std::string_view name);

}  // namespace vs::ctl
