// Any text as a label selector: refused, or it judges, and means the same when it is written down and read again.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "vsmgrd/model/selector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const auto selector = vs::LabelSelector::parse(text);
  if (!selector) {
    VS_CHECK(!selector.error().message.empty());
    return 0;
  }
  const auto again = vs::LabelSelector::parse(selector->text());
  VS_CHECK(again && *again == *selector);
  const vs::Labels labels{{"env", "prod"}, {"tier", "web"}, {"a", ""}};
  VS_CHECK(again->matches(labels) == selector->matches(labels));
  VS_CHECK(selector->matches({}) || !selector->everything());
  return 0;
}
