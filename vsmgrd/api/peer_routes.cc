// POST /v1/peer-messages: what another node's vsmgrd says about a handoff.
#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/body.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/wire.h"
#include "vsmgrd/migration/migrations.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

// The answer is that it was heard; what the handoff says to it is a message of its own.
Response hear(handoff::Migrations* migrations, const Call& call) {
  const auto refuse = [&](int status, ErrorCode code, std::string detail) {
    return problem_response({status, code, std::move(detail)}, call.request.id);
  };
  if (migrations == nullptr) return refuse(404, ErrorCode::not_found, "this node hands no domain over and takes none");
  const auto body = parse_body(call.request.body);
  if (!body) return problem_response(invalid_problem(body.error()), call.request.id);
  auto message = handoff::decode_message(*body);
  if (!message) return problem_response(read_problem(message.error()), call.request.id);
  const std::string peer = call.request.origin.certificate_node;
  if (message->from != peer)
    return refuse(403, ErrorCode::denied, "the message is of " + in_quotes(message->from) + ", the certificate of " + in_quotes(peer));
  const auto heard = migrations->hear(peer, std::move(*message));
  return heard ? json_response(202, nlohmann::json::object()) : problem_response(read_problem(heard.error()), call.request.id);
}

}  // namespace

void add_peer_routes(Router& router, handoff::Migrations* migrations) {
  router.add({.method = "POST",
              .path = std::string(kPeerMessagesPath),
              .handle = [migrations](const Call& call) { return hear(migrations, call); },
              .takes_body = true,
              .needs = Role::peer,
              .node_wide = true,
              .secret = true});  // secrets are what it carries: nothing of it is kept
}

}  // namespace vs::http
