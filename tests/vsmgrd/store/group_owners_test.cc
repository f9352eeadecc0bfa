// Groups that share, and whose domains they are.
#include "vsmgrd/store/group_owners.h"

#include <gtest/gtest.h>

namespace vs {
namespace {

class GroupOwners : public testing::Test {
 protected:
  GroupOwners() {
    Resource policy{.metadata = {.name = "together"},
                    .spec = SharingPolicySpec{.mode = "group", .group = "lab", .owner_label = "tenant"}};
    policy.metadata.sources["/spec/ownerLabel"] = {"lab.yaml", 7, 3};
    desired_.sharing_policies = {{"together", policy}};
  }
  void member(const std::string& domain, const std::string& tenant, const std::string& group = "lab", bool allowed = true) {
    Resource of{.metadata = {.name = domain}, .spec = DomainSpec{}};
    if (!tenant.empty()) of.metadata.labels["tenant"] = tenant;
    desired_.domains.insert_or_assign(domain, of);
    desired_.bindings.insert_or_assign(domain, Resource{.metadata = {.name = domain}, .spec = BindingSpec{.domain = domain}});
    desired_.decisions.insert_or_assign(domain, Decision{.allowed = allowed, .sharing = {.mode = "group", .group = group}});
  }
  Desired desired_;
};

TEST_F(GroupOwners, OfOneOwnerAreFine) {
  member("web1", "shop");
  member("web2", "shop");
  member("mail", "post", "other");
  member("denied", "post", "lab", false);
  EXPECT_TRUE(mixed_owners(desired_, {}).empty());
}

TEST_F(GroupOwners, AreNotMixed) {
  member("web1", "shop");
  member("web2", "post");
  const auto problems = mixed_owners(desired_, {});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].message, R"(SharingPolicy "together": group "lab" mixes owners: by label "tenant", web1 is of "shop" and web2 is of "post")");
  EXPECT_EQ(problems[0].pointer, "/spec/ownerLabel");
  ASSERT_TRUE(problems[0].source);
  EXPECT_EQ(problems[0].source->line, 7);
}

TEST_F(GroupOwners, HaveOneEach) {
  member("web1", "shop");
  member("web2", "");
  EXPECT_EQ(mixed_owners(desired_, {}).size(), 1u) << "nobody is not the same as somebody";
}

TEST_F(GroupOwners, AreNotNamedToThoseWhoDoNotSeeThem) {
  member("web1", "shop");
  member("web2", "post");
  const auto problems = mixed_owners(desired_, [](const Resource& resource) { return resource.metadata.name == "web1"; });
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].message.find("web2"), std::string::npos);
  EXPECT_EQ(problems[0].message.find("post"), std::string::npos);
}

}  // namespace
}  // namespace vs
