// The broadcast ring: what is written is read in order, by everybody, and who is too slow knows what was lost.
#include <cerrno>
#include <numeric>
#include <random>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/dataplane/ring/heap_broadcast.h"

namespace vs::test {
namespace {

constexpr std::uint16_t kEvent = VS_RECORD_SERVICE;

TEST(Broadcast, EveryReaderGetsEveryRecordInOrder) {
  HeapBroadcast ring;
  auto writer = ring.writer();
  BroadcastReader first(ring.bytes());
  BroadcastReader second(ring.bytes());
  for (int n = 0; n < 1000; ++n) {
    const std::string text = "event " + std::to_string(n) + std::string(n % 300, '.');
    EXPECT_EQ(writer.write(kEvent, {bytes_of_text(text.substr(0, 3)), bytes_of_text(text.substr(3))}), n + 1u);
    for (BroadcastReader* reader : {&first, &second}) {
      ASSERT_EQ(reader->read(), 1);
      EXPECT_EQ(reader->text(), text);
      EXPECT_EQ(reader->record.sequence, n + 1u);
      EXPECT_EQ(reader->record.missed, 0u);
      EXPECT_EQ(reader->read(), 0);
    }
  }
}

TEST(Broadcast, NothingIsReadBeforeItIsWritten) {
  HeapBroadcast ring;
  BroadcastReader reader(ring.bytes());
  EXPECT_TRUE(vs_broadcast_empty(&reader.reader));
  EXPECT_EQ(reader.read(), 0);
  BroadcastReader latest(ring.bytes(), true);
  EXPECT_EQ(latest.read(), 0);
}

TEST(Broadcast, ALateReaderBeginsWithTheNewestRecordOrBehindIt) {
  HeapBroadcast ring;
  auto writer = ring.writer();
  for (const char* text : {"one", "two", "three"}) writer.write(kEvent, {bytes_of_text(text)});
  BroadcastReader latest(ring.bytes(), true);
  ASSERT_EQ(latest.read(), 1);
  EXPECT_EQ(latest.text(), "three");
  EXPECT_EQ(latest.record.missed, 0u);
  BroadcastReader behind(ring.bytes());
  EXPECT_EQ(behind.read(), 0);
  writer.write(kEvent, {bytes_of_text("four")});
  ASSERT_EQ(behind.read(), 1);
  EXPECT_EQ(behind.text(), "four");
}

TEST(Broadcast, ASlowReaderLosesTheOldestAndKnowsHowMany) {
  HeapBroadcast ring;
  auto writer = ring.writer();
  BroadcastReader reader(ring.bytes());
  writer.write(kEvent, {bytes_of_text("seen")});
  ASSERT_EQ(reader.read(), 1);
  for (int n = 0; n < 500; ++n) writer.write(kEvent, {bytes_of_text("unseen"), bytes_of_text(std::string(100, '.'))});
  ASSERT_EQ(reader.read(), 1);
  EXPECT_EQ(reader.record.sequence, 501u);
  EXPECT_EQ(reader.record.missed, 499u);
  EXPECT_EQ(reader.reader.missed, 499u);
  EXPECT_EQ(reader.reader.lapped, 1u);
  EXPECT_EQ(reader.read(), 0);
}

TEST(Broadcast, WhatFitsTheRingIsNotLost) {
  HeapBroadcast ring;
  auto writer = ring.writer();
  BroadcastReader reader(ring.bytes());
  const std::size_t records = (std::size_t{1} << VS_RING_BYTES_LOG2_MIN) / 32;
  for (std::size_t n = 0; n < records; ++n) writer.write(kEvent, {bytes_of_text("sixteen bytes ..")});
  for (std::size_t n = 0; n < records; ++n) ASSERT_EQ(reader.read(), 1);
  EXPECT_EQ(reader.reader.missed, 0u);
}

TEST(Broadcast, PositionsWrapAround) {
  HeapBroadcast ring;
  const std::uint32_t close_to_the_end = std::uint32_t{0} - 4096;
  ring.index().tail_intent = ring.index().tail = ring.index().latest = close_to_the_end;
  auto writer = ring.writer();
  BroadcastReader reader(ring.bytes());
  const std::vector<std::byte> large(writer.payload_bytes_max(), std::byte{7});
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    writer.write(kEvent, {large});
    ASSERT_EQ(reader.read(), 1) << sequence;
    EXPECT_EQ(reader.record.sequence, sequence);
    EXPECT_EQ(reader.payload().size(), large.size());
  }
  EXPECT_LT(ring.index().tail, close_to_the_end);
  BroadcastReader late(ring.bytes(), true);
  ASSERT_EQ(late.read(), 1);
  EXPECT_EQ(late.record.sequence, 100u);
}

// After it any number would be taken for the next one.
TEST(Broadcast, TheLastSequenceNumberOf64BitsEndsTheReader) {
  HeapBroadcast ring;
  auto writer = ring.writer(~std::uint64_t{0} - 1);
  BroadcastReader reader(ring.bytes());
  writer.write(kEvent, {});
  ASSERT_EQ(reader.read(), 1);
  writer.write(kEvent, {});
  EXPECT_EQ(reader.read(), -EPROTO);
  EXPECT_EQ(reader.read(), -EPROTO) << "for ever";
}

// Readers of random speed, writers of random sizes: what is read is what was written, in order, and what is missed is counted.
TEST(Broadcast, RandomReadersReadWhatWasWrittenOrCountWhatTheyMissed) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    HeapBroadcast ring;
    auto writer = ring.writer(1000);
    std::vector<std::string> written;
    BroadcastReader reader(ring.bytes());
    std::uint64_t expected = 1000;
    for (int step = 0; step < 3000; ++step) {
      for (unsigned n = random() % 4; n > 0; --n) {
        std::string text(random() % (writer.payload_bytes_max() + 1), static_cast<char>('a' + random() % 26));
        if (text.size() >= 4) text.replace(0, 4, std::to_string(1000 + random() % 9000));
        written.push_back(text);
        writer.write(kEvent, {bytes_of_text(text)});
      }
      for (unsigned n = random() % 3; n > 0; --n) {
        const int status = reader.read();
        ASSERT_GE(status, 0);
        if (status == 0) {
          ASSERT_EQ(expected, 1000 + written.size());
          break;
        }
        ASSERT_EQ(reader.record.sequence, expected + reader.record.missed);
        ASSERT_EQ(reader.text(), written[reader.record.sequence - 1000]);
        expected = reader.record.sequence + 1;
      }
    }
  }
}

TEST(Broadcast, ReadersInOtherThreadsNeverSeeATornRecord) {
  HeapBroadcast ring;
  auto writer = ring.writer();
  static constexpr std::uint64_t kRecords = 20'000;
  std::vector<BroadcastReader> sides(2, BroadcastReader(ring.bytes(), false, 1));
  std::vector<std::thread> threads;
  for (BroadcastReader& side : sides)
    threads.emplace_back([&side] {
      std::uint64_t read = 0;
      while (side.reader.next <= kRecords) {
        const int status = side.read();
        if (status == 0 || status == -EAGAIN) {
          std::this_thread::yield();
          continue;
        }
        ASSERT_EQ(status, 1);
        ++read;
        // Every word of a record is its sequence number.
        for (std::size_t word = 0; word < side.record.bytes / 8; ++word) ASSERT_EQ(side.into[word], side.record.sequence);
      }
      EXPECT_EQ(read + side.reader.missed, kRecords);
    });
  std::vector<std::uint64_t> words(60);
  for (std::uint64_t n = 1; n <= kRecords; ++n) {
    std::fill(words.begin(), words.end(), n);
    writer.write(kEvent, {std::as_bytes(std::span(words).first(n % 60))});
    if (n % 64 == 0) std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Broadcast, AHeaderThatCannotBeIsRefused) {
  HeapBroadcast ring;
  const auto with = [&](auto spoil) {
    vs_broadcast_header header = ring.header();
    spoil(header);
    return vs_judge_broadcast_header(&header, ring.header().bytes);
  };
  EXPECT_EQ(with([](auto&) {}), 0);
  EXPECT_EQ(with([](auto& header) { header.magic = 0x31505356; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.major = 2; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.reserved = 1; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { ++header.bytes; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.data_bytes_log2 = 11; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.data_bytes_log2 = 31; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.data_bytes_log2 = 13; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.index_offset = 0; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.index_offset = 100; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.index_offset = 0xfffff000; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.data_offset = header.index_offset; }), -EPROTO);
  EXPECT_EQ(with([](auto& header) { header.data_offset = 0xfffff000; }), -EPROTO);
  EXPECT_EQ(vs_judge_broadcast_header(&ring.header(), VS_PAGE_BYTES), -EPROTO);
}

// A record that nothing overwrote, and that still cannot be.
TEST(Broadcast, ARecordThatCannotBeEndsTheReader) {
  const auto with = [](auto spoil) {
    HeapBroadcast ring;
    BroadcastReader reader(ring.bytes());
    auto writer = ring.writer();
    writer.write(kEvent, {bytes_of_text("an event")});
    writer.write(kEvent, {bytes_of_text("another")});
    spoil(ring);
    const int status = reader.read();
    EXPECT_TRUE(status == 1 || reader.read() == status);  // and stays so
    return status;
  };
  EXPECT_EQ(with([](auto&) {}), 1);
  for (const std::uint32_t bytes : {0u, 15u, 65u, 513u, 4097u, 0x7fffffffu, 0xffffffffu})
    EXPECT_EQ(with([&](auto& ring) { ring.record().commit_bytes = bytes; }), -EPROTO) << bytes;
  EXPECT_EQ(with([](auto& ring) { ring.record().flags = 1; }), -EPROTO);
  EXPECT_EQ(with([](auto& ring) { ring.record().type = 2; }), -EPROTO);
  EXPECT_EQ(with([](auto& ring) { ring.record().type = VS_RECORD_PAD; }), -EPROTO);
  EXPECT_EQ(with([](auto& ring) { ring.record().cookie = 0; }), -EPROTO);
  EXPECT_EQ(with([](auto& ring) { ring.index().tail = 8; }), -EPROTO);
}

TEST(Broadcast, ASequenceThatGoesBackEndsTheReader) {
  HeapBroadcast ring;
  BroadcastReader reader(ring.bytes());
  auto writer = ring.writer(10);
  writer.write(kEvent, {});
  writer.write(kEvent, {});
  ASSERT_EQ(reader.read(), 1);
  ring.record(16).cookie = 9;
  EXPECT_EQ(reader.read(), -EPROTO);
}

TEST(Broadcast, AWriterThatIsAlwaysAheadIsNotWaitedFor) {
  HeapBroadcast ring;
  BroadcastReader reader(ring.bytes());
  ring.writer().write(kEvent, {});
  ring.index().tail_intent = 1 << 20;  // whatever is read has always been overwritten
  EXPECT_EQ(reader.read(), -EAGAIN);
  EXPECT_EQ(reader.read(), -EAGAIN);
}

}  // namespace
}  // namespace vs::test
