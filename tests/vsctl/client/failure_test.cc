#include "vsctl/client/failure.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

constexpr const char* kProblemType = "application/problem+json; charset=utf-8";

TEST(Failure, ListsEveryProblemOfADocument) {
  const Failure failure =
      refusal_of(400, kProblemType, R"({"title": "Bad Request", "detail": "2 problems", "errors": [
      {"pointer": "/spec/rules/0", "message": "unknown key \"efect\"", 
       "hint": "did you mean \"effect\"?", "source": {"file": "a.yaml", "line": 12, "column": 3}},
      {"pointer": "/metadata/name", "message": "is empty"}]})");
  EXPECT_EQ(failure.exit, ExitCode::invalid);
  EXPECT_EQ(failure.message, "2 problems");
  const std::vector<Problem> expected{
      {"/spec/rules/0", "unknown key \"efect\"", "did you mean \"effect\"?", "a.yaml", 12, 3},
      {"/metadata/name", "is empty", "", "", 0, 0}};
  EXPECT_EQ(failure.problems, expected);
}

TEST(Failure, FallsBackToTheTitleAndThenToTheStatus) {
  EXPECT_EQ(refusal_of(404, kProblemType, R"({"title": "Not Found"})").message, "Not Found");
  EXPECT_EQ(refusal_of(404, kProblemType, "{}").message, "the daemon answered 404");
  EXPECT_EQ(refusal_of(502, "text/html", "<h1>Bad Gateway</h1>").message,
            "the daemon answered 502");
}

TEST(Failure, NamesTheRequestWhenTheDaemonIsAtFault) {
  const char* body = R"({"detail": "disk full", "requestId": "r-17"})";
  EXPECT_EQ(refusal_of(507, kProblemType, body).message, "disk full (request r-17)");
  EXPECT_EQ(refusal_of(409, kProblemType, body).message, "disk full");
}

TEST(Failure, SurvivesADocumentThatIsNotWhatItClaims) {
  for (const char* body : {"", "{", "[]", "17", "null", R"({"detail": {"a": 1}, "errors": "none"})",
                           R"({"errors": [1, null, {"source": [], "message": 7, "line": "x"}]})"}) {
    const Failure failure = refusal_of(500, kProblemType, body);
    EXPECT_EQ(failure.exit, ExitCode::internal) << body;
    EXPECT_FALSE(failure.message.empty()) << body;
  }
}

struct Mapped {
  int status;
  ExitCode exit;
};

TEST(ExitCodes, TellKindsOfRefusalApart) {
  const Mapped table[] = {
      {400, ExitCode::invalid},     {401, ExitCode::denied},   {403, ExitCode::denied},
      {404, ExitCode::not_found},   {405, ExitCode::invalid},  {408, ExitCode::timeout},
      {409, ExitCode::conflict},    {412, ExitCode::conflict}, {413, ExitCode::invalid},
      {415, ExitCode::invalid},     {422, ExitCode::invalid},  {428, ExitCode::invalid},
      {429, ExitCode::internal},    {431, ExitCode::invalid},  {500, ExitCode::internal},
      {503, ExitCode::unavailable}, {504, ExitCode::timeout},  {507, ExitCode::internal},
      {302, ExitCode::internal}};
  for (const auto& [status, exit] : table) EXPECT_EQ(exit_code_of_status(status), exit) << status;
}

TEST(ExitCodes, AreTheNumbersThatScriptsRelyOn) {
  const std::pair<ErrorCode, int> table[] = {
      {ErrorCode::invalid, 2},  {ErrorCode::not_found, 3},   {ErrorCode::conflict, 4},
      {ErrorCode::denied, 5},   {ErrorCode::unavailable, 6}, {ErrorCode::exhausted, 70},
      {ErrorCode::internal, 70}};
  for (const auto& [code, exit] : table)
    EXPECT_EQ(static_cast<int>(exit_code_of(code)), exit) << to_string(code);
}

}  // namespace
}  // namespace vs::ctl
