// Asking an operation to stop, in each phase it can be in.

#include <functional>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

using State = Operation::State;

struct Phase {
  const char* name;
  // Brings an operation that can be cancelled into the phase.
  std::function<void(OperationLog& log, const std::string& id)> enter;
  int status = 202;
  std::string code{};  // of the refusal
  State after = State::cancelling;
  bool restarts = false;  // the daemon, after that
};

void finish(OperationLog& log, const std::string& id, State state) {
  ASSERT_TRUE(log.finish(id, {.state = state, .reason = "Test"}));
}

const std::vector<Phase>& phases() {
  static const std::vector<Phase> all{
      {.name = "Waiting", .enter = [](OperationLog&, const std::string&) {}},
      {.name = "Working",
       .enter = [](OperationLog& log, const std::string& id) {
         ASSERT_TRUE(log.progress(id, {.phase = "copying", .done = 1, .total = 2, .cancellable = true}));
       }},
      {.name = "Cancelling",
       .enter = [](OperationLog& log, const std::string& id) { ASSERT_TRUE(log.request_cancel(id, the_daemon())); }},
      {.name = "PastThePoint",
       .enter = [](OperationLog& log, const std::string& id) {
         ASSERT_TRUE(log.progress(id, {.phase = "committing", .cancellable = false}));
       },
       .status = 409, .code = "not_cancellable", .after = State::running},
      {.name = "Succeeded", .enter = [](OperationLog& log, const std::string& id) { finish(log, id, State::succeeded); },
       .status = 409, .code = "not_cancellable", .after = State::succeeded},
      {.name = "Failed", .enter = [](OperationLog& log, const std::string& id) { finish(log, id, State::failed); },
       .status = 409, .code = "not_cancellable", .after = State::failed},
      {.name = "Cancelled", .enter = [](OperationLog& log, const std::string& id) { finish(log, id, State::cancelled); },
       .status = 409, .code = "not_cancellable", .after = State::cancelled},
      {.name = "CutOffWhileWorking", .enter = [](OperationLog&, const std::string&) {},
       .status = 409, .code = "not_cancellable", .after = State::failed, .restarts = true},
      {.name = "CutOffWhileCancelling",
       .enter = [](OperationLog& log, const std::string& id) { ASSERT_TRUE(log.request_cancel(id, the_daemon())); },
       .status = 409, .code = "not_cancellable", .after = State::failed, .restarts = true}};
  return all;
}

class Cancel : public RestFixture, public ::testing::WithParamInterface<Phase> {
 protected:
  std::string begin() {
    const auto begun = store_->operations().begin({.kind = "Test", .phase = "waiting", .cancellable = true});
    EXPECT_TRUE(begun) << begun.error().message;
    return begun->id;
  }
  std::size_t events(const std::string& id, const std::string& type) {
    std::size_t count = 0;
    const json page = parsed(ask("GET", "/v1/events?limit=1000"));
    for (const json& event : page["items"]) count += event["name"] == id && event["type"] == type ? 1 : 0;
    return count;
  }
  json operation(const std::string& id) { return parsed(ask("GET", "/v1/operations/" + id)); }
};

TEST_P(Cancel, SaysWhetherItCanStillBeStopped) {
  const Phase& phase = GetParam();
  const std::string id = begin();
  const std::string other = begin();
  phase.enter(store_->operations(), id);
  if (phase.restarts) open_store(directory_.path() / "state.db");
  const std::size_t told = events(id, "operation.cancelling");
  const Response response = ask("POST", "/v1/operations/" + id + ":cancel");
  EXPECT_EQ(response.status, phase.status) << response.body;
  EXPECT_EQ(phase.code.empty() ? "" : std::string(parsed(response)["code"]), phase.code);
  EXPECT_EQ(operation(id)["state"], name_of(phase.after));
  const bool news = phase.status == 202 && std::string_view(phase.name) != "Cancelling";
  EXPECT_EQ(events(id, "operation.cancelling"), told + (news ? 1 : 0)) << "asked once, told once";
  EXPECT_EQ(operation(other)["cancelRequested"], false);
}

TEST_P(Cancel, ChangesNothingOfHowItEndsBesideWhatItsWorkSays) {
  const Phase& phase = GetParam();
  const std::string id = begin();
  phase.enter(store_->operations(), id);
  if (phase.restarts) open_store(directory_.path() / "state.db");
  ask("POST", "/v1/operations/" + id + ":cancel");
  const bool ended = has_ended(phase.after);
  for (const State end : {State::cancelled, State::succeeded}) {
    const auto finished = store_->operations().finish(id, {.state = end, .reason = "Late"});
    const bool first = !ended && end == State::cancelled;
    EXPECT_EQ(finished.has_value(), first) << "an operation ends once";
  }
  EXPECT_EQ(operation(id)["state"], name_of(ended ? phase.after : State::cancelled));
  open_store(directory_.path() / "state.db");
  EXPECT_EQ(operation(id)["state"], name_of(ended ? phase.after : State::cancelled)) << "and stays so";
}

INSTANTIATE_TEST_SUITE_P(Phases, Cancel, ::testing::ValuesIn(phases()),
                         [](const auto& row) { return std::string(row.param.name); });

class CancelOf : public RestFixture {};

TEST_F(CancelOf, WhatIsNotThereIs404) {
  EXPECT_EQ(problem(ask("POST", "/v1/operations/nothing:cancel"), 404)["code"], "not_found");
}

TEST_F(CancelOf, AnOperationPastItsDeadlineIsTooLate) {
  const auto begun = store_->operations().begin({.kind = "Test", .cancellable = true, .deadline = std::chrono::milliseconds(0)});
  ASSERT_TRUE(begun);
  const auto ended = store_->operations().wait(begun->id, std::chrono::seconds(60));  // looked at every few seconds
  ASSERT_TRUE(ended && has_ended(ended->state));
  EXPECT_EQ(parsed(ask("GET", "/v1/operations/" + begun->id))["reason"], "DeadlineExceeded");
  EXPECT_EQ(problem(ask("POST", "/v1/operations/" + begun->id + ":cancel"), 409)["code"], "not_cancellable");
}

}  // namespace
}  // namespace vs::http
