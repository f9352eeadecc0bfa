#include "base/result.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace vs {
namespace {

Result<int> halve(int number) {
  if (number % 2 != 0) return fail(ErrorCode::invalid, "odd");
  return number / 2;
}

TEST(Result, CarriesAValueOrAnError) {
  EXPECT_EQ(*halve(4), 2);
  EXPECT_EQ(halve(3).error(), (Error{ErrorCode::invalid, "odd"}));
}

TEST(Result, SaysWhatWasBeingDone) { EXPECT_EQ(Error(halve(3).error()).within("halve 3").message, "halve 3: odd"); }

TEST(FailErrno, KnowsTheKind) {
  const Result<> result = fail_errno(ENOSPC, "write x");
  EXPECT_EQ(result.error().code, ErrorCode::exhausted);
  EXPECT_EQ(result.error().message, "write x: No space left on device");
}

}  // namespace
}  // namespace vs
