// What a list is asked for: ?limit=, ?continue=, ?filter=, ?labelSelector=.
//
// A token names the last item that was given (a name or a number), so that going on means the same
// however the list has changed since. Pure, thread-safe. Errors: invalid, with every fault of the
// query at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/api/router.h"
#include "vsmgrd/model/filter.h"
#include "vsmgrd/model/problem.h"
#include "vsmgrd/model/selector.h"

namespace vs::http {

inline constexpr std::size_t kListLimitDefault = 200;
inline constexpr std::size_t kListLimitMax = 1000;

struct ListQuery {
  std::size_t limit = kListLimitDefault;
  std::string after;  // the item after which the list goes on; empty: from the beginning
  LabelSelector labels;
  Filter filter;
};

// The names of the parameters: `labels` says whether what is listed has labels.
std::vector<std::string> list_parameters(bool labels = true);

Checked<ListQuery> parse_list_query(const Call& call);
// The same for lists that are numbered; `number` is what `after` says, or 0.
Checked<ListQuery> parse_numbered_query(const Call& call, std::int64_t& number);

// The token that names `item`.
std::string continue_token(std::string_view item);

// A page of a list that goes on after the item `next`; empty: it was the last.
Response page_response(nlohmann::json items, const std::string& next);

}  // namespace vs::http
