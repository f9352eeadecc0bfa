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

// Labels of letters, digits, hyphens and underscores, with dots between them.
bool is_dns_name(std::string_view name) {
  constexpr std::string_view kBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return name.size() <= 253 && name.find_first_not_of(kBytes) == std::string_view::npos && !name.starts_with('.') &&
         !name.ends_with('.') && name.find("..") == std::string_view::npos;
}

// Both members may be missing.
Checked<FlushOrder> order_of(const Request& request) {
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  FlushOrder order;
  const auto take = [&](const char* member, std::string& into) {
    if (!body->is_object() || !body->contains(member)) return;
    const json value = (*body)[member];
    body->erase(member);
    if (value.is_string() && !value.get_ref<const std::string&>().empty())
      into = value.get<std::string>();
    else
      problems.push_back({std::string("/") + member, "must be a string that is not empty"});
  };
  take("domain", order.domain);
  take("name", order.name);
  if (!order.name.empty() && !is_dns_name(order.name)) problems.push_back({"/name", in_quotes(order.name) + " is not a name of the DNS"});
  check_members(*body, "", {}, problems);
  if (!problems.empty()) return refuse_body(std::move(problems));
  return order;
}

Response not_declared(std::string_view kind, std::string_view name, const Call& call) {
  return problem_response({404, ErrorCode::not_found, std::string(kind) + ' ' + in_quotes(name) + ": not declared"}, call.request.id);
}

Response flush_service(const Store& store, const Flush& flush, const Call& call) {
  auto order = order_of(call.request);
  if (!order) return problem_response(write_problem(order.error()), call.request.id);
  const auto desired = store.desired();
  if (!desired) return problem_response(read_problem(desired.error()), call.request.id);
  const auto service = desired->services.find(std::string(call.name));
  if (service == desired->services.end()) return not_declared("Service", call.name, call);
  if (!order->domain.empty() && desired->domains.find(order->domain) == desired->domains.end())
    return not_declared("Domain", order->domain, call);
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
