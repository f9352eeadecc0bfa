// Whatever is asked, a dry run answers as the apply does, and leaves nothing: random documents, some
// sound and some not, through the whole of the API.

#include <random>
#include <string>

#include "tests/vsmgrd/api/rest_fixture.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

constexpr int kDocumentSets = 300;
constexpr unsigned kSeed = 20'240'611;

class DryRun : public RestFixture {
 protected:
  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }
  bool one_in(int many) { return below(many) == 0; }
  std::string name(const char* stem) { return stem + std::to_string(below(6)); }

  std::string head(const char* kind, const std::string& called) {
    std::string text = std::string("---\napiVersion: vservices/v1\nkind: ") + kind + "\nmetadata: {name: " + called;
    if (one_in(2)) text += std::string(", labels: {team: ") + (one_in(2) ? "a" : "b") + "}";
    return text + "}\n";
  }
  std::string effect() { return one_in(3) ? "deny" : "allow"; }
  std::string mode() { return one_in(4) ? ", mode: warn" : one_in(6) ? ", mode: audit" : ""; }
  std::string rule(int number) {
    const std::string match = one_in(5)   ? "{}"
                              : one_in(2) ? "{domains: [" + name("d") + "]}"
                                          : "{domainLabels: {team: a}}";
    return "    - {id: r" + std::to_string(number) + ", effect: " + effect() + ", message: because" + mode() +
           ", match: " + match + "}\n";
  }
  std::string sound_document() {
    switch (below(7)) {
      case 0:
      case 1: return head("Domain", name("d")) + "spec: {description: v" + std::to_string(below(3)) + "}\n";
      case 2: return head("Service", name("s")) + "spec: {kind: " + (one_in(4) ? "pubsub" : "dns") + "}\n";
      case 3: {
        std::string text = head("AccessPolicy", name("p")) + "spec:\n  rules:\n";
        for (int i = 0, rules = 1 + below(3); i < rules; ++i) text += rule(i);
        return text;
      }
      case 4: return head("Sla", name("sla")) + "spec: {rate: " + std::to_string(below(3)) + "}\n";
      default: {
        std::string text = head("Binding", name("b")) + "spec: {domain: " + name("d") + ", service: " + name("s");
        if (one_in(3)) text += ", device: " + name("dev");
        if (one_in(5)) text += ", sla: " + name("sla");
        return text + "}\n";
      }
    }
  }
  std::string wrong_document() {
    switch (below(6)) {
      case 0: return head("Domain", "Not-A-Name") + "spec: {}\n";
      case 1: return head("Nothing", name("d")) + "spec: {}\n";
      case 2: return head("Service", name("s")) + "spec: {kind: dns, parameters: {tries: 99}}\n";
      case 3: return head("Domain", name("d")) + "spec: {descripton: typo}\n";
      case 4: return "---\n{\n";
      default: return head("AccessPolicy", name("p")) + "spec: {rules: []}\n";
    }
  }
  json files() {
    json list = json::array();
    for (int file = 0, count = 1 + below(2); file < count; ++file) {
      std::string text;
      for (int i = 0, documents = 1 + below(5); i < documents; ++i)
        text += one_in(25) ? wrong_document() : sound_document();
      list.push_back({{"name", "f" + std::to_string(file) + ".yaml"}, {"text", std::move(text)}});
    }
    return {{"files", std::move(list)}};
  }
  // All that a client can see of desired state, but for when it was.
  std::string everything() {
    const auto now = store_->snapshot();
    json all{{"version", now.desired->resource_version}, {"policies", now.desired->policy_generation}};
    for (const Kind kind : kKinds)
      for (const auto& [called, resource] : now.desired->of(kind)) all[std::string(name_of(kind))][called] = vs::encode(*now.view(kind, called));
    const auto audit = store_->audit().list({.limit = 1});
    EXPECT_TRUE(audit);
    all["audit"] = audit && !audit->empty() ? audit->front().hash : "";
    all["event"] = now.event_id;  // not those that the daemon makes beside
    return all.dump();
  }
  // What is answered, but for what is of the request, or numbered only when it is kept.
  static json said(const Response& response) {
    json body = parsed(response);
    body.erase("requestId");
    if (body.contains("decisionsChanged"))
      for (json& changed : body["decisionsChanged"]) changed["decision"].erase("id");
    return {{"status", response.status}, {"body", std::move(body)}};
  }

  std::mt19937 random_{kSeed};
};

TEST_F(DryRun, OfRandomDocumentsAnswersAsTheApplyAndLeavesNothing) {
  int done = 0, refused = 0, unchanged = 0;
  for (int i = 0; i < kDocumentSets; ++i) {
    SCOPED_TRACE(i);
    const json body = files();
    const std::string prune = one_in(4) ? "prune=team%3Da" : "";
    const std::string before = everything();
    const Response dry = ask("POST", "/v1/apply?dryRun=true" + (prune.empty() ? "" : '&' + prune), body);
    ASSERT_EQ(everything(), before) << "it left something";
    const Response diff = ask("POST", "/v1/diff" + (prune.empty() ? "" : '?' + prune), body);
    ASSERT_EQ(everything(), before) << "the diff left something";
    const Response applied = ask("POST", "/v1/apply" + (prune.empty() ? "" : '?' + prune), body);
    ASSERT_EQ(said(dry), said(applied)) << body.dump(1);
    ASSERT_EQ(diff.status, applied.status);
    const bool changed = everything() != before;
    if (applied.status == 200) ASSERT_EQ(parsed(diff)["changes"].size(), parsed(applied)["changes"].size());
    if (applied.status != 200) ASSERT_FALSE(changed) << "a refusal did something";
    done += applied.status == 200 && changed;
    unchanged += applied.status == 200 && !changed;
    refused += applied.status != 200;
  }
  EXPECT_GT(done, kDocumentSets / 5) << "of each sort there are many";
  EXPECT_GT(refused, kDocumentSets / 5);
  EXPECT_GT(unchanged + done, kDocumentSets / 4);
}

}  // namespace
}  // namespace vs::http
