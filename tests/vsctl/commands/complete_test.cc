#include "vsctl/commands/complete.h"

#include <algorithm>

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
  EXPECT_EQ(completed({"de"}), (Words{"delete", "describe"}));
  const Words all = completed({""});
  for (const char* verb : {"apply", "completion", "delete", "describe", "explain", "get", "metrics",
                           "run", "version"})
    EXPECT_TRUE(std::binary_search(all.begin(), all.end(), verb)) << verb;
  EXPECT_EQ(completed({}), completed({""}));
  EXPECT_EQ(completed({"--socket", "/s", "-o", "json", "ge"}), Words{"get"});
}

TEST(Complete, OffersKindsThenTheirNames) {
  EXPECT_EQ(completed({"get", "s"}), (Words{"services", "sharing-policies", "slas"}));
  EXPECT_EQ(completed({"op", ""}), (Words{"cancel", "list", "show", "wait"}));
  EXPECT_EQ(completed({"admin", "token", "r"}), (Words{"revoke", "rotate"}));
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
  EXPECT_EQ(completed({"migrate", "start", ""}), (Words{"web1", "web2"}));
  EXPECT_EQ(completed({"migrate", "start", "web1", "--to", ""}), Words{"of-peers"});
  EXPECT_EQ(completed({"migrate", "cancel", "web2"}), Words{"web2"});
  EXPECT_EQ(completed({"migrate", "resolve", "web2", "--word", "t"}), Words{"take-back"});
  EXPECT_EQ(completed({"drain", ""}), Words{"of-nodes"});
}

TEST(Complete, OffersOptionsAndTheirValues) {
  EXPECT_EQ(completed({"get", "--no"}), Words{"--no-headers"});
  EXPECT_EQ(completed({"--vers"}), Words{"--version"});
  EXPECT_EQ(completed({"get", "domains", "-o", ""}), (Words{"csv", "json", "jsonpath=", "name", "table", "wide", "yaml"}));
  EXPECT_EQ(completed({"get", "domains", "--output", "=", "y"}),
            Words{"yaml"});  // as bash splits --output=y
  EXPECT_EQ(completed({"get", "domains", "--output", "="}), (Words{"csv", "json", "jsonpath=", "name", "table", "wide", "yaml"}));
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
