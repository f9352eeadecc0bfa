// Lists: pages, selectors, filters, and what a scope leaves of them.

#include <set>

#include "tests/vsmgrd/api/rest_fixture.h"
#include "vsmgrd/api/list_query.h"

namespace vs::http {
namespace {

class Lists : public RestFixture {
 protected:
  // Domains d000 .. with label "parity" and, of every third, "third".
  void declare_domains(int count) {
    std::vector<Resource> resources;
    for (int i = 0; i < count; ++i) {
      Resource resource{.spec = DomainSpec{.description = std::to_string(i)}};
      resource.metadata.name = name_of_number(i);
      resource.metadata.labels["parity"] = i % 2 == 0 ? "even" : "odd";
      if (i % 3 == 0) resource.metadata.labels["third"] = "yes";
      resources.push_back(std::move(resource));
    }
    ASSERT_TRUE(store_->apply(std::move(resources), {}));
  }
  static std::string name_of_number(int i) {
    const std::string digits = std::to_string(i);
    return "d" + std::string(3 - digits.size(), '0') + digits;
  }
  json page(const std::string& query) {
    const Response response = ask("GET", "/v1/domains" + query);
    EXPECT_EQ(response.status, 200) << response.body;
    return parsed(response);
  }
  static std::vector<std::string> names_of(const json& list) {
    std::vector<std::string> names;
    for (const json& item : list["items"]) names.push_back(item["metadata"]["name"]);
    return names;
  }
};

TEST_F(Lists, GiveEveryItemOnceInOrderAPageAtATime) {
  declare_domains(7);
  std::vector<std::string> names;
  std::string query = "?limit=3";
  std::vector<int> remaining;
  for (;;) {
    const json list = page(query);
    for (const std::string& name : names_of(list)) names.push_back(name);
    remaining.push_back(list["metadata"].value("remaining", 0));
    if (!list["metadata"].contains("continue")) break;
    query = "?limit=3&continue=" + list["metadata"]["continue"].get<std::string>();
  }
  const std::vector<std::string> all{"d000", "d001", "d002", "d003", "d004", "d005", "d006"};
  EXPECT_EQ(names, all);
  EXPECT_EQ(remaining, (std::vector<int>{4, 1, 0}));
}

TEST_F(Lists, HoldTwoHundredUnlessAskedOtherwise) {
  declare_domains(201);
  EXPECT_EQ(page("")["items"].size(), kListLimitDefault);
  EXPECT_EQ(page("?limit=1000")["items"].size(), 201U);
}

TEST_F(Lists, SummariesArePartsOfTheWhole) {
  declare_domains(3);
  const json whole = page("?filter=metadata.name%20eq%20'd001'");
  const json summary = page("?view=summary&filter=metadata.name%20eq%20'd001'");
  ASSERT_EQ(summary["items"].size(), 1u);
  const json& part = summary["items"][0];
  EXPECT_FALSE(part["metadata"].contains("uid"));
  EXPECT_EQ(part["spec"], whole["items"][0]["spec"]);
  json merged = whole["items"][0];
  merged.merge_patch(part);
  EXPECT_EQ(merged, whole["items"][0]) << "nothing else, and nothing that differs";
  EXPECT_EQ(page("?view=summary")["items"][1], part);
  EXPECT_EQ(ask("GET", "/v1/domains?view=all").status, 400);
}

TEST_F(Lists, GoOnAfterAnItemThatIsGone) {
  declare_domains(3);
  const std::string token = page("?limit=1")["metadata"]["continue"];
  ASSERT_TRUE(store_->remove(Kind::domain, "d000", {}, {}));
  EXPECT_EQ(names_of(page("?continue=" + token)), (std::vector<std::string>{"d001", "d002"}));
}

TEST_F(Lists, SelectByLabels) {
  declare_domains(7);
  EXPECT_EQ(names_of(page("?labelSelector=third,parity%3Dodd")), (std::vector<std::string>{"d003"}));
  EXPECT_EQ(names_of(page("?labelSelector=%21third,parity%20in%20(even)")),
            (std::vector<std::string>{"d002", "d004"}));
  const json first = page("?labelSelector=parity%3Deven&limit=1");
  EXPECT_EQ(first["metadata"]["remaining"], 3);
}

TEST_F(Lists, FilterByWhatIsInTheObject) {
  declare_domains(7);
  EXPECT_EQ(names_of(page("?filter=spec.description%20eq%20'4'")), (std::vector<std::string>{"d004"}));
  EXPECT_EQ(names_of(page("?filter=metadata.name%20ge%20'd005'%20or%20metadata.labels.third%20eq%20'yes'")),
            (std::vector<std::string>{"d000", "d003", "d005", "d006"}));
}

TEST_F(Lists, FilterAcrossPages) {
  declare_domains(10);
  const std::string filter = "?filter=metadata.labels.parity%20eq%20'odd'&limit=2";
  std::vector<std::string> names;
  std::string query = filter;
  for (;;) {
    const json list = page(query);
    EXPECT_FALSE(list["metadata"].contains("remaining"));
    for (const std::string& name : names_of(list)) names.push_back(name);
    if (!list["metadata"].contains("continue")) break;
    query = filter + "&continue=" + list["metadata"]["continue"].get<std::string>();
  }
  EXPECT_EQ(names, (std::vector<std::string>{"d001", "d003", "d005", "d007", "d009"}));
}

TEST_F(Lists, TellEveryFaultOfTheQueryWithItsColumn) {
  const json body = problem(
      ask("GET", "/v1/domains?limit=0&continue=d001&filter=a%20is%201&labelSelector=a%20like%20b"), 400);
  ASSERT_EQ(body["errors"].size(), 4U) << body;
  EXPECT_EQ(body["errors"][0]["message"], "query parameter limit: a number from 1 to 1000");
  EXPECT_EQ(body["errors"][1]["message"], "query parameter continue: not a token that a list gave");
  EXPECT_TRUE(body["errors"][2]["message"].get<std::string>().starts_with("query parameter labelSelector: "));
  EXPECT_EQ(body["errors"][3]["message"], "query parameter filter: expected an operator, not \"is\"");
  EXPECT_EQ(body["errors"][3]["source"]["column"], 3);
}

TEST_F(Lists, RefuseTokensThatNoListGave) {
  for (const char* token : {"", "after.", "after.A", "after.%00", "after.a/b"})
    EXPECT_EQ(ask("GET", "/v1/domains?continue=" + std::string(token)).status, 400) << token;
  const std::string longest = "after." + std::string(4000, 'a');
  EXPECT_EQ(ask("GET", "/v1/domains?continue=" + longest).status, 400);
}

TEST_F(Lists, RefuseUnknownParametersWithWhatWasMeant) {
  const json body = problem(ask("GET", "/v1/domains?limits=3"), 400);
  EXPECT_EQ(body["errors"][0]["hint"], "did you mean \"limit\"?");
}

TEST_F(Lists, SayFromWhichEventToWatch) {
  declare_domains(2);
  EXPECT_EQ(page("")["metadata"]["eventId"], store_->events().newest());
}

TEST_F(Lists, ShowAnIdentityWithScopeOnlyWhatIsInside) {
  declare_domains(4);
  Request request{.method = "GET", .target = "/v1/domains", .origin = {.peer = Peer{1234, 0, 1}}};
  Access scoped(kOwner, {.roles = {*RoleRule::parse("uid:1234=operator@parity=even")}}, {}, clock_);
  const Dispatcher dispatcher(make_router(*store_, *background_, [] { return std::string(); }), scoped,
                              clock_, nullptr);
  const json list = parsed(dispatcher.handle(request));
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"d000", "d002"}));
  request.target = "/v1/domains/d001";
  EXPECT_EQ(dispatcher.handle(request).status, 404) << "invisible, not forbidden";
  request.target = "/v1/domains/d002";
  EXPECT_EQ(dispatcher.handle(request).status, 200);
  request.method = "DELETE";
  request.target = "/v1/domains/d001";
  request.headers.emplace("if-match", "*");
  EXPECT_EQ(dispatcher.handle(request).status, 404);
}

}  // namespace
}  // namespace vs::http
