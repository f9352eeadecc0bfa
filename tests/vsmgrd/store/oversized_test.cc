// Rings that are larger than what their domain may have.
#include "vsmgrd/store/oversized.h"

#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"

namespace vs::test {
namespace {

class Oversized : public testing::Test {
 protected:
  std::vector<std::string> of(std::vector<Resource> given) {
    auto transition = plan_apply(desired_, std::move(given), {*parse_time("2026-11-22T16:00:00.000Z"), [] { return "a-uid"; }});
    VS_CHECK(transition);
    desired_ = transition->next;
    std::vector<std::string> said;
    for (const Problem& problem : oversized(*transition)) said.push_back(problem.pointer + ": " + problem.message + "; " + problem.hint);
    return said;
  }
  static Resource small_domain(std::uint32_t mib) { return {.metadata = {.name = "web1"}, .spec = DomainSpec{.memory_mib = mib}}; }
  static Resource bound(Buffers buffers, std::string named = "") {
    return {.metadata = {.name = "b"},
            .spec = BindingSpec{.domain = "web1", .service = "dns", .device = "dns", .buffers = buffers, .buffers_name = std::move(named)}};
  }

 private:
  Desired desired_;
};

TEST_F(Oversized, AreToldWithWhatWouldFit) {
  const auto said = of({small_domain(4), service("dns"), bound({.response_bytes = 16 << 20})});
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0], "/spec/buffers/responseBytes: Binding \"b\": its rings take 16830464 bytes a session, and Domain \"web1\" may have "
                     "4194304 (memoryMiB); 2097152 would fit; or give the domain 17 MiB");
}

TEST_F(Oversized, AreFoundWhereverTheChangeIs) {
  EXPECT_TRUE(of({small_domain(64), service("dns"), bound({.request_bytes = 16 << 20})}).empty());
  EXPECT_EQ(of({small_domain(8)}).size(), 1u) << "the domain shrinks";
  EXPECT_TRUE(of({small_domain(64), Resource{.metadata = {.name = "large"}, .spec = Buffers{.request_bytes = 16 << 20}}, bound({}, "large")}).empty());
  EXPECT_EQ(of({Resource{.metadata = {.name = "large"}, .spec = Buffers{.request_bytes = 64 << 20}}}).size(), 1u) << "what it names grows";
}

TEST_F(Oversized, IsNothingThatTheBackendChooses) {
  EXPECT_TRUE(of({small_domain(1), service("dns"), bound({.tune = "latency"})}).empty());
}

}  // namespace
}  // namespace vs::test
