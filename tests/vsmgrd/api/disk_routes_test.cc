// When the disk fails under the daemon: 507 or 503 with a clear text, nothing lost, reads go on.

#include <string>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/rest_fixture.h"
#include "tests/vsmgrd/store/fault_vfs.h"

namespace vs::http {
namespace {

struct Failure {
  const char* name;
  int result;
  int status;
  const char* code;
};
void PrintTo(const Failure& failure, std::ostream* out) { *out << failure.name; }

class Disk : public RestFixture, public ::testing::WithParamInterface<Failure> {
 protected:
  void TearDown() override {  // the store goes before the disk
    dispatcher_.reset();
    background_.reset();
    store_.reset();
  }
  test::FaultVfs disk_;
};

TEST_P(Disk, ThatFailsIsToldAndReadsGoOn) {
  put_all({{"/v1/domains/web1", domain("web1")}, {"/v1/services/dns", service("dns")}});
  const std::string etag = etag_of("/v1/domains/web1");
  const json files{{"files",
                    {{{"name", "a.yaml"},
                      {"text",
                       "apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: web3}\n"
                       "spec: {}\n"}}}}};
  disk_.fail_with(GetParam().result);
  for (const Response& refused :
       {ask("PUT", "/v1/domains/web2", domain("web2")),
        ask("PUT", "/v1/domains/web1", domain("web1", "new"), {{"if-match", etag}}),
        ask("DELETE", "/v1/domains/web1", nullptr, {{"if-match", etag}}),
        ask("POST", "/v1/apply", files)}) {
    const json said = problem(refused, GetParam().status);
    EXPECT_EQ(said["code"], GetParam().code);
    EXPECT_NE(said["detail"].get<std::string>().find("state.db"), std::string::npos) << said;
    EXPECT_EQ(header(refused, "Retry-After").empty(), GetParam().status != 503);
  }
  EXPECT_EQ(etag_of("/v1/domains/web1"), etag);
  EXPECT_EQ(parsed(ask("GET", "/v1/domains"))["items"].size(), 1u);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("POST", "/v1/explain", {{"domain", "web1"}, {"service", "dns"}}).status, 200);

  disk_.fail_with(SQLITE_OK);
  EXPECT_EQ(ask("PUT", "/v1/domains/web2", domain("web2")).status, 201);
}

INSTANTIATE_TEST_SUITE_P(
    Failures, Disk,
    ::testing::Values(Failure{"full", SQLITE_FULL, 507, "exhausted"},
                      Failure{"read_only", SQLITE_READONLY, 503, "unavailable"},
                      Failure{"broken", SQLITE_IOERR_WRITE, 503, "unavailable"}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace vs::http
