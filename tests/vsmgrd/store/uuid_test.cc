#include "vsmgrd/store/uuid.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace vs::test {
namespace {

TEST(MakeUuid, IsVersion4OfRfc4122) {
  // x any hexadecimal digit, v one of 8 9 a b: the variant.
  const std::string form = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = make_uuid();
    ASSERT_EQ(uuid.size(), form.size());
    for (std::size_t at = 0; at < form.size(); ++at) {
      const std::string allowed = form[at] == 'x'   ? "0123456789abcdef"
                                  : form[at] == 'v' ? "89ab"
                                                    : std::string(1, form[at]);
      EXPECT_NE(allowed.find(uuid[at]), std::string::npos) << uuid << " at " << at;
    }
  }
}

TEST(MakeUuid, IsNewEachTime) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(make_uuid()).second);
}

}  // namespace
}  // namespace vs::test
