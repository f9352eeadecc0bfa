// POST /v1/services/{name}:flush: has a service forget what it keeps for its guests.
#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/body.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using nlohmann::json;

Checked<FlushOrder> order_of(const Request& request) {
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  check_members(*body, "", {"domain", "name"}, problems);
  FlushOrder order;
  for (const auto& [member, into] : {std::pair{"domain", &order.domain}, {"name", &order.name}}) {
    if (!problems.empty() || !body->contains(member)) continue;
    const json& value = (*body)[member];
    if (value.is_string() && !value.get_ref<const std::string&>().empty())
      *into = value.get<std::string>();
    else
      problems.push_back({std::string("/") + member, "must be a string that is not empty"});
  }
  if (!problems.empty()) return refuse_body(std::move(problems));
  return order;
}

Response flush_service(const Store& store, const Flush& flush, const Call& call) {
  auto order = order_of(call.request);
  if (!order) return problem_response(write_problem(order.error()), call.request.id);
  const auto desired = store.desired();
  const auto service = desired->services.find(std::string(call.name));
  if (service == desired->services.end())
    return problem_response({404, ErrorCode::not_found, "Service " + in_quotes(call.name) + ": not declared"}, call.request.id);
  if (!order->domain.empty() && !desired->domains.contains(order->domain))
    return problem_response({404, ErrorCode::not_found, "Domain " + in_quotes(order->domain) + ": not declared"}, call.request.id);
  order->service = call.name;
  order->kind = std::get<ServiceSpec>(service->second.spec).kind;
  const auto entries = flush ? flush(*order) : std::nullopt;
  if (!entries) return problem_response({503, ErrorCode::unavailable, "the backend does not answer"}, call.request.id);
  return json_response(200, {{"entries", *entries}});
}

}  // namespace

void add_flush_route(Router& router, Store& store, Flush flush) {
  router.add({.method = "POST",
              .path = "/v1/services/{name}:flush",
              .handle = [&store, flush = std::move(flush)](const Call& call) { return flush_service(store, flush, call); },
              .takes_body = true,
              .needs = Role::operator_,
              .node_wide = true});
}

}  // namespace vs::http
