// GET /v1/KIND: one page of the objects of a kind that the identity may see.

#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/list_query.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using nlohmann::json;

// The page as text: of 1,000 objects no one document is made.
struct Page {
  std::string items;
  std::string last;  // the name of its last item
  bool full = false;
  std::size_t remaining = 0;  // items after it
};

// What a table shows of an object. It is a part of the whole document, and a fourth of it: of 10,000
// objects the rest costs most of the time.
json summary_of(const Snapshot& now, const Resource& resource) {
  const std::string& name = resource.metadata.name;
  json status = json::object();
  if (const auto kind = now.observed.find(resource.kind()); kind != now.observed.end())
    if (const auto found = kind->second.find(name); found != kind->second.end()) {
      const Observed& observed = found->second;
      status = {{"state", name_of(observed.state)}, {"message", observed.message}};
      if (resource.kind() == Kind::binding) status["refusedOpens"] = observed.refused_opens;
    }
  if (resource.kind() == Kind::binding)
    if (const auto found = now.desired->decisions.find(name); found != now.desired->decisions.end())
      status["decision"] = {{"allowed", found->second.allowed},
                            {"policy", found->second.policy},
                            {"rule", found->second.rule},
                            {"message", found->second.message}};
  json out{{"apiVersion", kApiVersion},
           {"kind", name_of(resource.kind())},
           {"metadata", {{"name", name}, {"labels", resource.metadata.labels}}},
           {"spec", encode_spec(resource)}};
  if (!status.empty()) out["status"] = std::move(status);
  return out;
}

Page page_of(const Snapshot& now, Kind kind, const ListQuery& query, const Identity& identity,
             bool summary) {
  const Resources& all = now.desired->of(kind);
  Page page;
  std::size_t count = 0;
  for (auto at = query.after.empty() ? all.begin() : all.upper_bound(query.after); at != all.end(); ++at) {
    const auto& [name, resource] = *at;
    const Labels& labels = resource.metadata.labels;
    if (!identity.sees(labels) || !query.labels.matches(labels)) continue;
    if (page.full) {
      if (!query.filter.everything()) {
        page.remaining = 1;  // perhaps: to know it, all would have to be looked at
        return page;
      }
      ++page.remaining;
      continue;
    }
    const bool whole = !summary || !query.filter.everything();
    const json document = whole ? vs::encode(now.view_of(resource)) : summary_of(now, resource);
    if (!query.filter.matches(document)) continue;
    if (count > 0) page.items += ',';
    page.items += json_text(whole && summary ? summary_of(now, resource) : document);
    page.last = name;
    page.full = ++count == query.limit;
  }
  return page;
}

Response list(const Store& store, Kind kind, const Call& call) {
  const auto query = parse_list_query(call);
  if (!query) return problem_response(invalid_problem(query.error()), call.request.id);
  const auto view = call.parameter("view").value_or("whole");
  if (view != "whole" && view != "summary")
    return problem_response({400, ErrorCode::invalid, "query parameter view: whole or summary"},
                            call.request.id);
  const Snapshot now = store.snapshot();
  const Page page = page_of(now, kind, *query, call.request.identity, view == "summary");
  json metadata{{"resourceVersion", now.desired->resource_version}, {"eventId", now.event_id}};
  if (page.remaining > 0) {
    metadata["continue"] = continue_token(page.last);
    if (query->filter.everything()) metadata["remaining"] = page.remaining;
  }
  Response response{.content_type = "application/json"};
  response.body = "{\"items\":[" + page.items + "],\"metadata\":" + json_text(metadata) + "}\n";
  return response;
}

}  // namespace

void add_list_routes(Router& router, Store& store) {
  std::vector<std::string> parameters = list_parameters();
  parameters.emplace_back("view");
  for (const Kind kind : kKinds) {
    router.add({.method = "GET",
                .path = "/v1/" + std::string(plural_of(kind)),
                .handle = [&store, kind](const Call& call) { return list(store, kind, call); },
                .needs = Role::viewer,
                .query = parameters});
  }
}

}  // namespace vs::http
