#include "vsctl/commands/complete.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

using Words = std::vector<std::string>;

Words names_of(std::string_view plural) {
  if (plural == "domains") return {"web2", "web1"};
  if (plural == "services") return {"dns"};
  return {"of-" + std::string(plural)};
}

Words completed(const Words& words) { return complete(words, names_of); }

TEST(Complete, OffersVerbsFirst) {
  EXPECT_EQ(completed({"d"}), (Words{"delete", "describe"}));
  EXPECT_EQ(completed({""}), (Words{"apply", "completion", "delete", "describe", "explain", "get",
                                    "metrics", "run", "version"}));
  EXPECT_EQ(completed({}), completed({""}));
  EXPECT_EQ(completed({"--socket", "/s", "-o", "json", "g"}), Words{"get"});
}

TEST(Complete, OffersKindsThenTheirNames) {
  EXPECT_EQ(completed({"get", ""}), (Words{"bindings", "domains", "policies", "services"}));
  EXPECT_EQ(completed({"get", "domains", ""}), (Words{"web1", "web2"}));
  EXPECT_EQ(completed({"describe", "svc", "d"}), Words{"dns"});
  EXPECT_EQ(completed({"delete", "policy", ""}), Words{"of-policies"});
  EXPECT_EQ(completed({"get", "nonsense", ""}), Words{});
  EXPECT_EQ(completed({"get", "domains", "web1", ""}), Words{});
}

TEST(Complete, OffersDomainsAndServicesWhereTheyStand) {
  EXPECT_EQ(completed({"explain", "web"}), (Words{"web1", "web2"}));
  EXPECT_EQ(completed({"explain", "web2", ""}), Words{"dns"});
  EXPECT_EQ(completed({"run", "web1"}), Words{"web1"});
}

TEST(Complete, OffersOptionsAndTheirValues) {
  EXPECT_EQ(completed({"get", "--no"}), Words{"--no-headers"});
  EXPECT_EQ(completed({"--v"}), Words{"--version"});
  EXPECT_EQ(completed({"get", "domains", "-o", ""}), (Words{"json", "table", "yaml"}));
  EXPECT_EQ(completed({"get", "domains", "--output", "=", "y"}),
            Words{"yaml"});  // as bash splits --output=y
  EXPECT_EQ(completed({"get", "domains", "--output", "="}), (Words{"json", "table", "yaml"}));
  EXPECT_EQ(completed({"get", "-o", "json", "domains", "web1"}), Words{"web1"});
  EXPECT_EQ(completed({"get", "-l", ""}), Words{});
}

TEST(Complete, LeavesFilesAndCommandsToTheShell) {
  EXPECT_EQ(completed({"apply", "-f", "pol"}), Words{":files"});
  EXPECT_EQ(completed({"run", "web1", "--", "get"}), Words{":commands"});
  EXPECT_EQ(completed({"run", "web1", "--", "get", "-o", ""}), Words{":commands"});
  EXPECT_EQ(completed({"get", "--", ""}), Words{});
}

TEST(Complete, IsSilentWithoutADaemon) {
  const Words words{"get", "domains", "--socket", "/nonexistent/socket", ""};
  EXPECT_EQ(names_from_daemon(words, "/nonexistent/other")("domains"), Words{});
}

}  // namespace
}  // namespace vs::ctl
