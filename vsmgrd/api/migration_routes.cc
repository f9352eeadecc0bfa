// /v1/migrations: domains on their way to another node and from there; /v1/peers: the other nodes.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "vsmgrd/api/body.h"
#include "vsmgrd/api/list_query.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/writing.h"
#include "vsmgrd/migration/migrations.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using handoff::Migration;
using handoff::Migrations;
using handoff::Word;
using nlohmann::json;

inline constexpr std::size_t kIdDigitsMin = 8;  // of an id that is given by its beginning

// What an operator swears of the other node, in words of the API.
struct Oath {
  const char* name;
  Word word;
};
constexpr std::array kOaths{Oath{"takeBack", Word::take_back}, Oath{"giveUp", Word::give_up}, Oath{"keep", Word::keep}};

Response refused(const Call& call, const ProblemDetails& problem) { return problem_response(problem, call.request.id); }

json json_of(const Migration& migration) {
  json bindings = json::array();
  for (const handoff::MovedBinding& binding : migration.bindings)
    bindings.push_back({{"name", binding.name}, {"epoch", binding.epoch}});
  json out{{"id", migration.id},
           {"role", handoff::name_of(migration.role)},
           {"domain", migration.domain},
           {"labels", migration.labels},
           {"peer", migration.peer},
           {"version", migration.version},
           {"phase", handoff::name_of(migration.phase)},
           {"outcome", handoff::name_of(migration.outcome)},
           {"ended", handoff::ended(migration.outcome)},
           {"manual", migration.manual},
           {"bindings", std::move(bindings)},
           {"reason", migration.reason},
           {"startedAt", format_time(migration.started_at)},
           {"changedAt", format_time(migration.changed_at)}};
  if (migration.waits_for) out["waitsFor"] = *migration.waits_for == Word::freeze ? "freeze" : "commit";
  if (migration.blackout) out["blackoutMs"] = migration.blackout->count();
  return out;
}

json json_of(const handoff::PeerView& peer) {
  return {{"kind", "Peer"},
          {"apiVersion", kApiVersion},
          {"metadata", {{"name", peer.name}}},
          {"status", {{"address", peer.address}, {"heard", peer.heard}, {"trouble", peer.trouble}}}};
}

// Those that the caller may know of, the newest first.
std::vector<Migration> visible(const Migrations* migrations, const Call& call) {
  auto all = migrations == nullptr ? std::vector<Migration>() : migrations->list();
  std::erase_if(all, [&](const Migration& one) { return !may_know_of(call.request.identity, one.labels); });
  return all;
}

// The one that the path names, by its id or a beginning that no other has.
Result<Migration> named(const Migrations* migrations, const Call& call) {
  std::optional<Migration> found;
  for (Migration& one : visible(migrations, call)) {
    if (one.id == call.name) return std::move(one);
    if (call.name.size() < kIdDigitsMin || !one.id.starts_with(call.name)) continue;
    if (found) return fail(ErrorCode::conflict, "migration " + in_quotes(call.name) + ": more than one id begins so");
    found = std::move(one);
  }
  if (found) return std::move(*found);
  return fail(ErrorCode::not_found, "migration " + in_quotes(call.name) + ": is not there");
}

// Not an error of the request when it fails: what was done is done, and a cancel must work also when the disk is full.
void note(Store& store, const Call& call, const char* verb, const std::string& domain, const Result<Migration>& outcome,
          const std::string& words) {
  AuditEntry entry;
  entry.actor = actor_of(call.request);
  entry.verb = verb;
  entry.kind = "Migration";
  entry.name = domain;
  if (outcome) {
    entry.uid = outcome->id;
    entry.message = words;
  } else {
    entry.outcome = "refused";
    entry.code = to_string(outcome.error().code);
    entry.message = words + ": " + outcome.error().message;
  }
  if (const auto written = store.audit().append(std::move(entry)); !written)
    log::error("audit.lost", {{"error", written.error()}, {"request", call.request.id}});
}

Response accepted(const Migration& migration) {
  Response response = json_response(202, json_of(migration));
  response.headers.emplace_back("Location", "/v1/migrations/" + migration.id);
  return response;
}

Response list_migrations(const Migrations* migrations, const Call& call) {
  const auto query = parse_list_query(call);
  if (!query) return refused(call, invalid_problem(query.error()));
  json items = json::array();
  std::string next;
  bool begun = query->after.empty();
  for (const Migration& migration : visible(migrations, call)) {
    if (begun && items.size() == query->limit) {
      next = items.back()["id"];
      break;
    }
    json one = json_of(migration);
    if (begun && query->labels.matches(migration.labels) && query->filter.matches(one)) items.push_back(std::move(one));
    begun = begun || migration.id == query->after;
  }
  return page_response(std::move(items), next);
}

Response get_migration(const Migrations* migrations, const Call& call) {
  const auto migration = named(migrations, call);
  return migration ? json_response(200, json_of(*migration)) : refused(call, read_problem(migration.error()));
}

// `manual` may be missing.
Checked<handoff::Move> move_of(const Request& request) {
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  handoff::Move move;
  if (body->is_object() && body->contains("manual")) {
    const json manual = (*body)["manual"];
    body->erase("manual");
    if (manual.is_boolean())
      move.manual = manual.get<bool>();
    else
      problems.push_back({"/manual", "must be true or false"});
  }
  check_strings(*body, "", {"domain", "node"}, problems);
  const auto take = [&](const char* member, std::string& into) {
    if (!body->is_object() || !body->contains(member) || !(*body)[member].is_string()) return;
    into = (*body)[member].get<std::string>();
    if (auto checked = check_name(into); !checked) problems.push_back({std::string("/") + member, checked.error().message});
  };
  take("domain", move.domain);
  take("node", move.peer);
  if (!problems.empty()) return refuse_body(std::move(problems));
  return move;
}

// Refused is the handoff, by a node, and not the caller, who may ask: 409, not 403. And too many at once are not of one client.
ProblemDetails start_problem(const Error& error) {
  if (error.code == ErrorCode::denied) return {409, ErrorCode::conflict, error.message};
  if (error.code == ErrorCode::exhausted) return {503, error.code, error.message};
  return read_problem(error);
}

Response start_migration(Store& store, Migrations* migrations, const Call& call) {
  const auto move = move_of(call.request);
  if (!move) return refused(call, write_problem(move.error()));
  const auto domain = store.get(Kind::domain, move->domain);
  if (!domain && domain.error().code != ErrorCode::not_found) return refused(call, read_problem(domain.error()));
  if (!domain || !call.request.identity.sees(domain->resource.metadata.labels))
    return refused(call, {404, ErrorCode::not_found, "Domain " + in_quotes(move->domain) + ": not declared"});
  if (migrations == nullptr)
    return refused(call, {404, ErrorCode::not_found, "peer " + in_quotes(move->peer) + ": this node has no peers"});
  if (call.dry_run) {
    if (const auto checked = migrations->check(*move); !checked) return refused(call, start_problem(checked.error()));
    return json_response(200, {{"domain", move->domain}, {"node", move->peer}, {"answer", "ok"}});
  }
  const auto begun = migrations->start(*move);
  note(store, call, "start", move->domain, begun, "to " + move->peer + (move->manual ? ", by hand" : ""));
  return begun ? accepted(*begun) : refused(call, start_problem(begun.error()));
}

Response say(Store& store, Migrations* migrations, const Call& call, Word word, const char* verb, const std::string& words) {
  const auto known = named(migrations, call);
  if (!known) return refused(call, read_problem(known.error()));
  const auto said = migrations->say(known->id, word);
  note(store, call, verb, known->domain, said, words);
  if (said) return accepted(*said);
  return refused(call, {write_status(said.error().code), said.error().code, said.error().message});
}

Response resolve(Store& store, Migrations* migrations, const Call& call) {
  auto body = parse_body(call.request.body);
  if (!body) return refused(call, write_problem(body.error()));
  std::vector<Problem> problems;
  check_strings(*body, "", {"word"}, problems);
  const std::string name = problems.empty() ? (*body)["word"].get<std::string>() : std::string();
  const auto oath = std::find_if(kOaths.begin(), kOaths.end(), [&](const Oath& one) { return one.name == name; });
  if (problems.empty() && oath == kOaths.end()) problems.push_back({"/word", "must be takeBack, giveUp or keep"});
  if (!problems.empty()) return refused(call, write_problem(refuse_body(std::move(problems)).value()));
  return say(store, migrations, call, oath->word, "resolve", name);
}

Response list_peers(const Migrations* migrations) {
  json items = json::array();
  if (migrations != nullptr)
    for (const handoff::PeerView& peer : migrations->peers()) items.push_back(json_of(peer));
  return page_response(std::move(items), "");
}

Response get_peer(const Migrations* migrations, const Call& call) {
  if (migrations != nullptr)
    for (const handoff::PeerView& peer : migrations->peers())
      if (peer.name == call.name) return json_response(200, json_of(peer));
  return refused(call, {404, ErrorCode::not_found, "peer " + in_quotes(call.name) + ": this node has none of that name"});
}

}  // namespace

void add_migration_routes(Router& router, Store& store, Migrations* migrations) {
  router.add({.method = "GET",
              .path = "/v1/migrations",
              .handle = [=](const Call& call) { return list_migrations(migrations, call); },
              .needs = Role::viewer,
              .query = list_parameters()});
  router.add({.method = "GET",
              .path = "/v1/migrations/{id}",
              .handle = [=](const Call& call) { return get_migration(migrations, call); },
              .needs = Role::viewer});
  router.add({.method = "POST",
              .path = "/v1/migrations",
              .handle = [&store, migrations](const Call& call) { return start_migration(store, migrations, call); },
              .takes_body = true,
              .writes = true,
              .needs = Role::operator_});
  const auto add_word = [&](const char* verb, Word word) {
    router.add({.method = "POST",
                .path = std::string("/v1/migrations/{id}:") + verb,
                .handle = [&store, migrations, word, verb](const Call& call) {
                  return say(store, migrations, call, word, verb, verb);
                },
                .needs = Role::operator_});
  };
  add_word("cancel", Word::cancel);
  add_word("freeze", Word::freeze);
  add_word("commit", Word::commit);
  router.add({.method = "POST",
              .path = "/v1/migrations/{id}:resolve",
              .handle = [&store, migrations](const Call& call) { return resolve(store, migrations, call); },
              .takes_body = true,
              .needs = Role::admin,
              .node_wide = true});
  router.add({.method = "GET",
              .path = "/v1/peers",
              .handle = [=](const Call&) { return list_peers(migrations); },
              .needs = Role::viewer,
              .node_wide = true});
  router.add({.method = "GET",
              .path = "/v1/peers/{name}",
              .handle = [=](const Call& call) { return get_peer(migrations, call); },
              .needs = Role::viewer,
              .node_wide = true});
}

}  // namespace vs::http
