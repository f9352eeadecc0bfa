// Any text as a filter: refused with the place of the fault, or judges an object without harm, and the same way twice.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "vsmgrd/model/filter.h"

namespace {

const nlohmann::json& object() {
  static const nlohmann::json kObject = nlohmann::json::parse(R"({
    "kind": "Binding", "metadata": {"name": "b", "labels": {"env": "prod"}, "generation": 3},
    "spec": {"domain": "web1", "rate": 1.5, "open": true, "none": null},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, [], {}], "matrix": [[1, 2], [3]]}})");
  return kObject;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const auto filter = vs::Filter::parse(text);
  if (!filter) {
    const auto& problem = filter.error().problems.at(0);
    VS_CHECK(problem.source->column >= 1 && static_cast<std::size_t>(problem.source->column) <= bytes + 1);
    return 0;
  }
  const bool verdict = filter->matches(object());
  VS_CHECK(verdict == filter->matches(object()));
  if (filter->everything()) {
    VS_CHECK(verdict);
    return 0;
  }
  const auto inverse = vs::Filter::parse("not (" + std::string(text) + ")");
  VS_CHECK(!inverse || inverse->matches(object()) != verdict);  // it may be too deep, or too long
  return 0;
}
