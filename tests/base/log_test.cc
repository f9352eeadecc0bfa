#include "base/log.h"

#include <gtest/gtest.h>

namespace vs::log {
namespace {

TEST(LogLine, IsOneEventWithFields) {
  EXPECT_EQ(format(Level::info, "binding.ready", {{"domain", "web1"}, {"took_ms", 12}}),
            "info binding.ready domain=web1 took_ms=12");
}

TEST(LogLine, CannotBeForgedByAValue) {
  EXPECT_EQ(format(Level::warn, "session.broken", {{"name", "x\nerror fake=1"}, {"quote", "\"\\"}, {"empty", ""}}),
            "warn session.broken name=\"x\\x0aerror fake=1\" quote=\"\\\"\\\\\" empty=\"\"");
}

TEST(LogLevel, IsReadByName) {
  EXPECT_EQ(*parse_level("debug"), Level::debug);
  EXPECT_FALSE(parse_level("loud"));
}

}  // namespace
}  // namespace vs::log
