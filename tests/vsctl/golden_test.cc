// What vsctl prints, to the byte, for every verb: each case is a file in golden/, made anew with
// VS_REGENERATE=1 and then looked at in the diff.
#include <cstdlib>
#include <sstream>

#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

struct Case {
  const char* name;
  std::vector<std::string> arguments;
};

json operation(const std::string& state) {
  return {{"id", "op-1"}, {"kind", "Backup"}, {"state", state}, {"phase", "copy"},
          {"progress", {{"done", 3}, {"total", 12}, {"unit", "pages"}}}, {"cancellable", true},
          {"requestor", {{"principal", "uid:0"}, {"role", "admin"}}}, {"createdAt", "2999-01-02T03:04:05.000Z"},
          {"updatedAt", "2020-01-02T03:04:06.000Z"}, {"deadline", "2020-01-02T04:04:05.000Z"},
          {"reason", state == "failed" ? "DiskFull" : ""}, {"message", state == "failed" ? "no space is left" : ""}};
}

json warning(const std::string& id, const std::string& status) {
  return {{"id", id}, {"type", "BackendDown"}, {"object", {{"kind", "Service"}, {"name", "dns"}}},
          {"severity", "high"}, {"status", status}, {"message", "vsbackend ended 3 times"}, {"count", 3},
          {"firstSeenAt", "2026-01-02T03:04:05.000Z"}, {"lastSeenAt", "2026-01-02T03:09:05.000Z"}};
}

json event(int id, const std::string& type) {
  return {{"id", id}, {"at", "2026-01-02T03:04:05.000Z"}, {"type", type}, {"kind", "Binding"}, {"name", "web1-dns"},
          {"reason", "BackendAcked"}, {"message", "served\x1b[2J"}, {"labels", json::object()},
          {"actor", {{"principal", "uid:0"}, {"requestId", "r-7"}}}};
}

json diff_answer() {
  return {{"differs", true},
          {"resourceVersion", 9},
          {"changes",
           {{{"kind", "Binding"}, {"name", "web1-dns"}, {"action", "updated"},
             {"differences",
              {{{"pointer", "/spec/sla/objectives"}, {"after", {{"p99", "5ms"}, {"loss", 0}}}},
               {{"pointer", "/spec/buffers/requestBytes"}, {"before", 4096}, {"after", 8192}},
               {{"pointer", "/metadata/labels/old"}, {"before", "yes"}}}}},
            {{"kind", "Domain"}, {"name", "web3"}, {"action", "created"},
             {"differences", {{{"pointer", ""}, {"after", {{"spec", {{"type", "sandbox"}}}}}}}}},
            {{"kind", "Domain"}, {"name", "web9"}, {"action", "deleted"},
             {"differences", {{{"pointer", ""}, {"before", {{"spec", {{"type", "sandbox"}}}}}}}}},
            {{"kind", "Service"}, {"name", "dns"}, {"action", "unchanged"}, {"differences", json::array()}}}},
          {"decisionsChanged", {{{"binding", "web2-dns"}, {"decision", decision(false)}}}}};
}

json apply_answer() {
  json answer = diff_answer();
  answer.erase("differs");
  for (json& change : answer["changes"]) change.erase("differences");
  return answer;
}

json source(const char* file, int line) { return {{"file", file}, {"line", line}, {"column", 7}}; }

json rule(const char* id, const char* effect) {
  return {{"id", id}, {"effect", effect}, {"message", "because"}, {"match", {{"domains", {"web1"}}}}};
}

json policy_report(int failed) {
  json cases{{{"name", "the shop resolves"}, {"domain", "web1"}, {"service", "dns"}, {"passed", true},
              {"decision", decision(true)}, {"source", source("cases.yaml", 6)}}};
  if (failed > 0)
    cases.push_back({{"name", "its twin does not"}, {"domain", "web2"}, {"service", "dns"}, {"passed", false},
                     {"fault", "is denied by demo-dns/deny-web2"}, {"decision", decision(false)},
                     {"source", source("cases.yaml", 9)}});
  return {{"cases", cases}, {"failed", failed}, {"rules", 2}, {"covered", 1}, {"coveragePercent", 50},
          {"uncovered", {{{"policy", "demo-dns"}, {"rule", "allow-web1"}, {"source", source("demo.yaml", 30)}}}}};
}

json policy_flips() {
  return {{"recorded", 9}, {"replayed", 2},
          {"flips", {{{"id", 17}, {"at", "2026-01-02T03:04:05.000Z"}, {"binding", "web2-dns"}, {"domain", "web2"},
                      {"service", "dns"}, {"was", decision(false)}, {"would", decision(true)}}}}};
}

json policy_findings() {
  return {{"findings",
           {{{"code", "shadowed"}, {"policy", "demo-dns"}, {"rule", "allow-web1"}, {"source", source("demo.yaml", 30)},
             {"message", "a deny takes it away whole"}},
            {{"code", "unmatched"}, {"policy", "shares"}, {"rule", ""}, {"message", "nothing declared\x1b[2J matches"}}}}};
}

json policy_history() {
  return {{"items",
           {{{"generation", 3}, {"at", "2026-01-03T03:04:05.000Z"}, {"principal", "uid:0"}, {"requestId", "r-3"},
             {"changes", {{{"kind", "AccessPolicy"}, {"name", "demo-dns"}, {"action", "updated"}},
                          {{"kind", "SharingPolicy"}, {"name", "shares"}, {"action", "deleted"}}}}},
            {{"generation", 2}, {"at", "2026-01-02T03:04:05.000Z"}, {"principal", "cert:ops"}, {"requestId", "r-2"},
             {"changes", {{{"kind", "AccessPolicy"}, {"name", "demo-dns"}, {"action", "created"}}}}}}}};
}

json access_policy() {
  json on_trial = rule("deny-web2", "deny");
  on_trial["mode"] = "warn";
  json policy = object("AccessPolicy", "demo-dns", {{"rules", {rule("allow-web1", "allow"), on_trial}}}, nullptr);
  policy["metadata"]["sources"]["/spec/rules/0"] = source("demo.yaml", 30);
  policy["metadata"]["sources"]["/spec/rules/1"] = source("demo.yaml", 36);
  return policy;
}

json node() {
  return {{"kind", "Node"}, {"apiVersion", "vservices/v1"}, {"metadata", {{"name", "node1"}}},
          {"status", {{"state", "Ready"}, {"version", "9.9.9"}, {"cpus", 4}, {"warnings", 1}}}};
}

json migration(const std::string& id, const std::string& outcome) {
  json one{{"id", id + std::string(64 - id.size(), '0')}, {"role", "source"}, {"domain", "web1"}, {"labels", {{"team", "web"}}},
           {"peer", "node2"}, {"version", 2}, {"phase", outcome == "Done" ? "confirm" : "freeze"}, {"outcome", outcome},
           {"ended", outcome != "Running"}, {"manual", outcome == "Running"}, {"bindings", {{{"name", "web1-dns"}, {"epoch", 3}}}},
           {"reason", outcome == "Cancelled" ? "node2 has no room" : ""}, {"startedAt", "2999-01-02T03:04:05.000Z"},
           {"changedAt", "2999-01-02T03:04:06.000Z"}};
  if (outcome == "Running") one["waitsFor"] = "commit";
  if (outcome != "Cancelled") one["blackoutMs"] = 48;
  return one;
}

json peer(const std::string& name, const std::string& trouble) {
  return {{"kind", "Peer"}, {"apiVersion", "vservices/v1"}, {"metadata", {{"name", name}}},
          {"status", {{"address", "192.0.2.2:7443"}, {"heard", trouble.empty()}, {"trouble", trouble}}}};
}

json placement() {
  return {{"online", "0-3"}, {"offline", ""}, {"reserved", "0"}, {"isolated", ""}, {"exclusive", "2"}, {"shared", "1,3"},
          {"cpus",
           {{{"cpu", 0}, {"core", 0}, {"cache", 0}, {"node", 0}, {"capacity", 1024}, {"class", "reserved"}, {"bindings", json::array()}},
            {{"cpu", 2}, {"core", 2}, {"cache", 0}, {"node", 0}, {"capacity", 1024}, {"class", "exclusive"}, {"bindings", {"web1-dns"}}}}},
          {"bindings",
           {{{"name", "web1-dns"}, {"domain", "web1"}, {"kind", "dns"}, {"wish", {{"mode", "exclusive"}, {"options", json::array()}, {"cpus", "2"}}},
             {"planned", "2"}, {"fits", true}, {"loop", 4}, {"cpus", "2"}, {"actualCpus", "2"}, {"guestCpus", "0-3"}},
            {{"name", "web2-dns"}, {"domain", "web2"}, {"kind", "dns"},
             {"wish", {{"mode", "shared"}, {"options", {"sameLlc", "fullCores"}}, {"count", 2}}}, {"planned", ""}, {"fits", false},
             {"reason", "LLCFull"}, {"message", "no last cache has 2 that are free, 1 is the most"}, {"hint", "at most 1 fits"},
             {"cpus", "3"}, {"actualCpus", "3"}}}}};
}

json binding_with_conditions() {
  json one = binding("web1", "Bound");
  one["status"]["conditions"] = {{{"type", "Allowed"}, {"status", "True"}}, {{"type", "Applied"}, {"status", "False"}}};
  one["spec"]["sla"] = "gold";
  one["spec"]["buffers"] = {{"requestBytes", 4096}};
  one["status"]["message"] = "=1+1, \"quoted\"";
  return one;
}

constexpr const char* kMetrics =
    "# TYPE vservices_backend_up gauge\n"
    "vservices_backend_up{kind=\"dns\"} 1\n"
    "# TYPE vservices_requests_total counter\n"
    "vservices_requests_total{domain=\"web1\",service=\"dns\"} 10\n"
    "vservices_sessions{domain=\"web1\",service=\"dns\"} 2\n"
    "vservices_opens_refused_total{domain=\"web2\",service=\"dns\"} 3\n"
    "vservices_sla_objective_ratio{binding=\"web1-dns\",class=\"*\",objective=\"p99\"} 0.99\n"
    "vservices_sla_budget_remaining_ratio{binding=\"web1-dns\",class=\"*\",objective=\"p99\"} 0.5\n"
    "vservices_sla_compliance_ratio{binding=\"web1-dns\",class=\"*\",objective=\"p99\",window=\"1h\"} 0.995\n"
    "vservices_sla_compliance_ratio{binding=\"web1-dns\",class=\"*\",objective=\"p99\",window=\"5m\"} 1\n"
    "vservices_sla_compliance_ratio{binding=\"web1-dns\",class=\"*\",objective=\"p99\",window=\"24h\"} 0.99875\n"
    "vservices_sla_objective_ratio{binding=\"web3-dns\",class=\"own\",objective=\"availability\"} 0.999\n";

class GoldenTest : public CliTest, public testing::WithParamInterface<Case> {
 protected:
  GoldenTest() {
    const json bindings = list_of({binding_with_conditions(), binding("web2", "Denied")});
    daemon_.answers("GET /v1/bindings", bindings);
    for (const char* line : {"GET /v1/bindings/web1-dns", "GET /v1/bindings/web1-dns?live=true"})
      daemon_.answers(line, binding_with_conditions(), "\"7\"");
    daemon_.answers("GET /v1/bindings/web2-dns", binding("web2", "Denied"), "\"7\"");
    daemon_.answers("GET /v1/domains", list_of({domain("web1")}));
    daemon_.answers("GET /v1/slas", list_of({object("Sla", "gold", {{"rate", 100}}, {{"state", "Ready"}}, {{"a", "b"}})}));
    daemon_.answers("GET /v1/nodes", list_of({node()}));
    daemon_.answers("GET /v1/placement", placement());
    daemon_.answers("GET /v1/migrations",
                    list_of({migration("a1b2c3d4e5f6", "Running"), migration("b", "Cancelled"), migration("c", "Done")}));
    daemon_.answers("POST /v1/migrations", Answer{.status = 202, .body = migration("c", "Done").dump()});
    daemon_.answers("POST /v1/migrations?dryRun=true", json{{"domain", "web1"}, {"node", "node2"}, {"answer", "ok"}});
    daemon_.answers("POST /v1/migrations/" + std::string(migration("a1b2c3d4e5f6", "Running")["id"]) + ":cancel",
                    Answer{.status = 202, .body = migration("a1b2c3d4e5f6", "Cancelled").dump()});
    daemon_.answers("GET /v1/peers", list_of({peer("node2", ""), peer("node3", "connection refused")}));
    daemon_.answers("GET /v1/nodes/node1", node());
    daemon_.answers("GET /v1/operations", list_of({operation("running"), operation("failed")}));
    daemon_.answers("GET /v1/operations/op-1", operation("running"));
    daemon_.answers("GET /v1/operations/op-2", operation("failed"));
    daemon_.answers("GET /v1/operations/op-3", operation("cancelled"));
    daemon_.answers("GET /v1/operations/op-4", operation("succeeded"));
    daemon_.answers("POST /v1/operations/op-1:cancel", Answer{.status = 202, .body = operation("cancelling").dump()});
    daemon_.answers("GET /v1/warnings", list_of({warning("w-1", "new"), warning("w-2", "acknowledged")}));
    daemon_.answers("POST /v1/warnings/w-1:ack", warning("w-1", "acknowledged"));
    daemon_.answers("GET /v1/events?limit=1000",
                    json{{"items", {event(1, "binding.created")}}, {"metadata", {{"next", 1}, {"more", true}}}});
    daemon_.answers("GET /v1/events?since=1&limit=1000",
                    json{{"items", {event(2, "binding.bound")}}, {"metadata", {{"next", 2}, {"more", false}}}});
    daemon_.answers("POST /v1/diff", diff_answer());
    daemon_.answers("POST /v1/diff?prune=app%3Dweb", diff_answer());
    daemon_.answers("POST /v1/apply?dryRun=true", apply_answer());
    daemon_.answers("POST /v1/apply?dryRun=true&prune=app%3Dweb", apply_answer());
    daemon_.answers("POST /v1/apply", apply_answer());
    daemon_.answers("PUT /v1/bindings/web1-dns",
                    json{{"changes", {{{"kind", "Binding"}, {"name", "web1-dns"}, {"action", "updated"}}}}});
    daemon_.answers("GET /v1/tokens",
                    list_of({json{{"id", "t-1"}, {"name", "grafana"}, {"role", "viewer"}, {"scope", "app=web"},
                                  {"createdBy", "uid:0"}, {"createdAt", "2026-01-02T03:04:05.000Z"},
                                  {"expiresAt", "2026-02-01T03:04:05.000Z"}}}));
    daemon_.answers("GET /v1/audit/verify", json{{"sound", true}, {"rows", 7}, {"lastId", 7}, {"lastHash", "abc"}});
    const auto ended = [](const json& result) { return json{{"id", "x"}, {"state", "succeeded"}, {"result", result}}; };
    daemon_.answers("POST /v1/admin/backup", Answer{.status = 202, .body = R"({"id": "b"})"});
    daemon_.answers("GET /v1/operations/b/wait?timeout=250ms",
                    ended({{"name", "20260102T030405.000Z.db"}, {"bytes", 4096}}));
    daemon_.answers("GET /v1", json{{"version", VS_VERSION}});
    daemon_.answers("GET /metrics", Answer{.body = kMetrics, .content_type = "text/plain"});
    daemon_.answers("POST /v1/admin/doctor", Answer{.status = 202, .body = R"({"id": "d"})"});
    daemon_.answers("GET /v1/operations/d/wait?timeout=250ms",
                    ended({{"findings", {{{"check", "pages"}, {"sound", true}, {"message", "12 pages"}},
                                         {{"check", "audit"}, {"sound", false}, {"message", "row 3 was changed"}}}}}));
    daemon_.answers("POST /v1/policies:test", policy_report(std::string(GetParam().name) == "policy_test_failed" ? 1 : 0));
    daemon_.answers("POST /v1/policies:simulate", policy_flips());
    daemon_.answers("POST /v1/policies:lint", policy_findings());
    daemon_.answers("GET /v1/policies:history", policy_history());
    const json rolled_back{{"changes", {{{"kind", "AccessPolicy"}, {"name", "demo-dns"}, {"action", "updated"}}}},
                           {"decisionsChanged", {{{"binding", "web2-dns"}, {"decision", decision(false)}}}},
                           {"rolledBackTo", 2}};
    daemon_.answers("POST /v1/policies:rollback", rolled_back);
    daemon_.answers("POST /v1/policies:rollback?dryRun=true", rolled_back);
    daemon_.answers("GET /v1/policies", list_of({access_policy()}));
    daemon_.answers("GET /v1/sharing-policies",
                    list_of({object("SharingPolicy", "shares", {{"mode", "open"}, {"match", json::object()}}, nullptr)}));
    directory_.write("demo.yaml", "kind: Domain\n");
  }

  // Standard output, standard error and exit code, in a form that can be read.
  std::string transcript(const Case& one) const {
    std::vector<std::string> command{VS_VSCTL, "--socket", daemon_.socket_path()};
    command.insert(command.end(), one.arguments.begin(), one.arguments.end());
    const Finished run = run_process(command, "", {"EDITOR=true", "NO_COLOR=1"}, directory_.path());
    std::string shown = "$ vsctl";
    for (const std::string& word : one.arguments)
      shown += word.find(' ') == std::string::npos ? " " + word : " '" + word + "'";
    std::string err = run.err;
    for (auto at = err.find(directory_.path()); at != std::string::npos; at = err.find(directory_.path()))
      err.replace(at, directory_.path().size(), "DIRECTORY");
    return shown + "\n" + run.out + (err.empty() ? "" : "--- standard error\n" + err) + "--- exit " +
           std::to_string(run.exit) + "\n";
  }
};

TEST_P(GoldenTest, PrintsWhatItAlwaysPrinted) {
  const std::filesystem::path file =
      std::filesystem::path(VS_SOURCE_DIR) / "tests/vsctl/golden" / (std::string(GetParam().name) + ".txt");
  const std::string now = transcript(GetParam());
  if (std::getenv("VS_REGENERATE") != nullptr) {
    std::ofstream(file) << now;
    return;
  }
  std::ifstream stream(file);
  std::stringstream kept;
  kept << stream.rdbuf();
  EXPECT_EQ(now, kept.str()) << file << ": VS_REGENERATE=1 makes it anew";
}

INSTANTIATE_TEST_SUITE_P(
    Verbs, GoldenTest,
    testing::Values(
        Case{"get_table", {"get", "bindings"}}, Case{"get_csv", {"get", "bindings", "-o", "csv"}},
        Case{"get_name", {"get", "bind", "-o", "name"}}, Case{"get_json", {"get", "bindings", "-o", "json"}},
        Case{"get_yaml", {"get", "binding", "web1-dns", "-o", "yaml"}}, Case{"get_slas", {"get", "slas"}},
        Case{"placement_show", {"placement", "show"}}, Case{"placement_json", {"placement", "show", "-o", "json"}},
        Case{"placement_plan", {"placement", "plan"}}, Case{"placement_explain", {"placement", "explain", "web1-dns"}},
        Case{"placement_explain_misfit", {"placement", "explain", "web2-dns"}},
        Case{"get_nodes", {"get", "nodes"}}, Case{"get_no_headers", {"get", "domains", "--no-headers"}},
        Case{"apply_dry_run", {"apply", "-f", "demo.yaml", "--dry-run"}},
        Case{"apply_json", {"apply", "-f", "demo.yaml", "--dry-run", "-o", "json"}},
        Case{"apply_diff", {"apply", "-f", "demo.yaml", "--dry-run", "--diff", "--color", "always"}},
        Case{"apply_prune", {"apply", "-f", "demo.yaml", "--dry-run", "--prune", "-l", "app=web"}},
        Case{"apply_prune_of_what", {"apply", "-f", "demo.yaml", "--prune"}},
        Case{"apply_no_wait_detailed", {"apply", "-f", "demo.yaml", "--no-wait", "--detailed-exitcode"}},
        Case{"diff", {"diff", "-f", "demo.yaml"}}, Case{"diff_json", {"diff", "-f", "demo.yaml", "-o", "json"}},
        Case{"diff_missing_file", {"diff", "-f", "nowhere.yaml"}}, Case{"edit_unchanged", {"edit", "binding", "web1-dns"}},
        Case{"patch", {"patch", "binding", "web1-dns", "-p", R"({"metadata":{"labels":{"a":"b"}}})"}},
        Case{"patch_json", {"patch", "binding", "web1-dns", "-p", "{}", "-o", "json"}},
        Case{"patch_if_match", {"patch", "binding", "web1-dns", "-p", "{}", "--if-match", "3"}},
        Case{"patch_no_json", {"patch", "binding", "web1-dns", "-p", "{'a'}"}},
        Case{"wait_state", {"wait", "binding", "web1-dns", "--for", "state=bound"}},
        Case{"wait_condition", {"wait", "binding", "web1-dns", "--for=condition=Applied=False", "-o", "yaml"}},
        Case{"wait_timeout", {"wait", "binding", "web2-dns", "--for", "state=Bound", "--timeout", "100ms"}},
        Case{"wait_deleted", {"wait", "binding", "web9-dns", "--for", "deleted"}},
        Case{"wait_missing", {"wait", "binding", "web9-dns", "--for", "state=Bound"}},
        Case{"wait_for_what", {"wait", "binding", "web9-dns", "--for", "sunshine"}},
        Case{"op_list", {"op", "list"}}, Case{"op_show_json", {"op", "show", "op-1", "-o", "json"}},
        Case{"op_wait_failed", {"op", "wait", "op-2"}}, Case{"op_wait_cancelled", {"op", "wait", "op-3", "-o", "yaml"}},
        Case{"op_wait_succeeded", {"op", "wait", "op-4", "-o", "name"}},
        Case{"op_wait_timeout", {"op", "wait", "op-1", "--timeout", "100ms"}}, Case{"op_cancel", {"op", "cancel", "op-1"}},
        Case{"warnings", {"warnings"}}, Case{"warnings_all", {"warnings", "--all", "-o", "wide"}}, Case{"ack", {"ack", "w-1"}},
        Case{"events", {"events"}}, Case{"events_json", {"events", "-o", "json"}},
        Case{"token_list", {"admin", "token", "list"}}, Case{"token_unknown", {"admin", "token", "revoke", "nobody"}},
        Case{"audit_verify", {"admin", "audit", "verify"}}, Case{"backup", {"admin", "backup"}},
        Case{"restore", {"admin", "restore"}}, Case{"doctor", {"doctor"}}, Case{"doctor_json", {"admin", "doctor", "-o", "json"}},
        Case{"schema", {"explain", "schema", "binding.spec"}}, Case{"schema_unknown", {"schema", "binding.spec.colour"}},
        Case{"sla", {"sla"}}, Case{"sla_of_one_yaml", {"sla", "web1-dns", "-o", "yaml"}}, Case{"sla_of_nobody", {"sla", "nobody"}},
        Case{"top_once", {"top", "--once", "--interval", "1ms"}},
        Case{"top_json", {"top", "-o", "json", "--interval", "1ms", "--sort", "name"}}, Case{"jsonpath", {"get", "bindings", "-o", "jsonpath={.items[*].metadata.name}"}},
        Case{"jsonpath_wrong", {"get", "bindings", "-o", "jsonpath={.items["}},
        Case{"csv_of_no_list", {"version", "-o", "csv"}}, Case{"name_of_no_list", {"admin", "token", "create", "x", "-o", "name"}},
        Case{"migrate_status", {"migrate", "status"}}, Case{"migrate_status_wide", {"migrate", "status", "-o", "wide"}},
        Case{"migrate_status_one", {"migrate", "status", "web1"}}, Case{"migrate_status_yaml", {"migrate", "status", "web1", "-o", "yaml"}},
        Case{"migrate_check", {"migrate", "check", "web1", "--to", "node2"}},
        Case{"migrate_start", {"migrate", "start", "web1", "--to", "node2"}}, Case{"migrate_cancel", {"migrate", "cancel", "web1"}},
        Case{"migrate_resolve_help", {"migrate", "resolve", "--help"}}, Case{"get_peers", {"get", "peers"}},
        Case{"drain", {"drain", "node1", "--to", "node2"}}, Case{"drain_json", {"drain", "node1", "--to", "node2", "-o", "json"}},
        Case{"drain_dry_run", {"drain", "node1", "--to", "node2", "--dry-run"}}, Case{"drain_help", {"drain", "--help"}},
        Case{"policy_test", {"policy", "test", "-f", "demo.yaml"}},
        Case{"policy_test_failed", {"policy", "test", "-f", "demo.yaml"}},
        Case{"policy_test_coverage", {"policy", "test", "-f", "demo.yaml", "--coverage", "80"}},
        Case{"policy_test_json", {"policy", "test", "-f", "demo.yaml", "--policy", "demo.yaml", "-o", "json"}},
        Case{"policy_simulate", {"policy", "simulate", "-f", "demo.yaml"}}, Case{"policy_lint", {"policy", "lint"}},
        Case{"policy_lint_yaml", {"policy", "lint", "-f", "demo.yaml", "-o", "yaml"}},
        Case{"policy_history", {"policy", "history"}}, Case{"policy_rollback", {"policy", "rollback"}},
        Case{"policy_rollback_dry_run", {"policy", "rollback", "2", "--dry-run"}}, Case{"policy_cat", {"policy", "cat"}},
        Case{"policy_cat_json", {"policy", "cat", "-o", "json"}}, Case{"help", {"--help"}}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace vs::ctl::test
