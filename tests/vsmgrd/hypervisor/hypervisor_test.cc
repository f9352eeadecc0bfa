#include "vsmgrd/hypervisor/hypervisor.h"

#include <gtest/gtest.h>

namespace vs {
namespace {

constexpr const char* kUuid = "9d8e6f1c-2b3a-4c5d-8e7f-001122334455";

Resource domain(std::string name, std::string type = "xen", std::string guest = {}) {
  return {.metadata = {.name = std::move(name)}, .spec = DomainSpec{.type = std::move(type), .guest = std::move(guest)}};
}

Resources declared(std::initializer_list<Resource> domains) {
  Resources all;
  for (const Resource& one : domains) all.emplace(one.metadata.name, one);
  return all;
}

TEST(Guests, AreMeantByNameByUuidOrByTheDomainsOwnName) {
  const std::vector<Guest> guests{{.domid = 3, .name = "web1"}, {.domid = 4, .name = "shop", .uuid = kUuid}};
  EXPECT_EQ(find_guest(guests, domain("web1"))->domid, 3u);
  EXPECT_EQ(find_guest(guests, domain("other", "xen", "web1"))->domid, 3u);
  EXPECT_EQ(find_guest(guests, domain("other", "xen", kUuid))->domid, 4u);
  EXPECT_EQ(find_guest(guests, domain("other", "xen", "9D8E6F1C-2B3A-4C5D-8E7F-001122334455"))->domid, 4u);
  EXPECT_EQ(find_guest(guests, domain("other")), nullptr);
}

TEST(Guests, ThatMoveAreServedWhereTheyRun) {
  const std::vector<Guest> before{{.domid = 3, .name = "web1", .uuid = kUuid}, {.domid = 4, .name = "web1--incoming", .uuid = kUuid}};
  EXPECT_EQ(find_guest(before, domain("d", "xen", kUuid))->domid, 3u);
  const std::vector<Guest> after{{.domid = 3, .name = "web1--migratedaway", .uuid = kUuid, .going = true},
                                 {.domid = 4, .name = "web1", .uuid = kUuid}};
  EXPECT_EQ(find_guest(after, domain("d", "xen", kUuid))->domid, 4u);
  const std::vector<Guest> saved{{.domid = 3, .name = "web1", .going = true}, {.domid = 5, .name = "web1"}};
  EXPECT_EQ(domids_of(declared({domain("web1")}), saved).at("web1"), 5u);
}

TEST(Guests, AreServedOnlyWhenTheyRunAndAreDeclaredAsXen) {
  const std::vector<Guest> guests{{.domid = 3, .name = "web1", .going = true}, {.domid = 4, .name = "box"}, {.domid = 5, .name = "web2"}};
  const auto domids = domids_of(declared({domain("web1"), domain("box", "sandbox"), domain("web2")}), guests);
  EXPECT_EQ(domids, (std::map<std::string, std::uint32_t>{{"web2", 5}}));
}

TEST(Guests, ThatNothingDeclaresAreTold) {
  const std::vector<Guest> guests{{.domid = 3, .name = "web1"}, {.domid = 4, .name = "box"}, {.domid = 6, .name = "web1--incoming"}};
  const auto unknown = undeclared(declared({domain("web1"), domain("box", "container")}), guests);
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown.front().name, "box");
}

TEST(Guests, AreShownWithTheirCores) {
  const Guest guest{.domid = 3, .name = "web1", .type = "pv", .cpupool = "Pool-0", .weight = 256,
                    .vcpus = {{.number = 0, .online = true, .hard = "1", .soft = "all"}}};
  const auto shown = encode(guest);
  EXPECT_EQ(shown["vcpus"][0]["hardAffinity"], "1");
  EXPECT_EQ(shown["weight"], 256);
  EXPECT_EQ(shown["cpupool"], "Pool-0");
}

}  // namespace
}  // namespace vs
