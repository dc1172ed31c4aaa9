#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"

#include <fmt/format.h>

#include <atomic>
#include <thread>

using namespace names;

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::string as(std::uint64_t session, std::uint64_t sequence, std::uint64_t time_us, action what) {
  return encode(command{{0, session}, sequence, time_us, std::move(what)});
}

} // namespace

TEST_CASE("a retry gets the first response and is applied once, also after a restart") {
  subject it;
  auto first = as(1, 1, birth_us, new_directory(at("/d")));
  auto answer = apply_entry(it.names(), first);
  CHECK(decode_response<responses::changed>(answer).has_value());
  it.restart();
  CHECK(apply_entry(it.names(), first) == answer);
  auto second = as(1, 2, birth_us, commands::unlink{at("/d")});
  auto removed = apply_entry(it.names(), second);
  CHECK(apply_entry(it.names(), second) == removed);
  auto stale = decode_response<responses::changed>(apply_entry(it.names(), first));
  REQUIRE_FALSE(stale.has_value());
  CHECK(stale.error().code == errc::refused);
  CHECK(it.stat("/d").error().code == errc::not_found);
}

TEST_CASE("a session that was idle for long expires on every replica at the same entry, and its "
          "client is told so") {
  subject it;
  apply_entry(it.names(), as(1, 1, birth_us, new_directory(at("/a"))));
  apply_entry(it.names(), as(2, 1, birth_us, new_directory(at("/b"))));
  apply_entry(it.names(), as(2, 2, birth_us + 50 * second_us, new_directory(at("/c"))));
  it.sleep(100 * second_us);
  auto kept = it.run(commands::collect_garbage{0, 100, 60 * second_us});
  REQUIRE(kept.has_value());
  CHECK(kept->expired_sessions == 1);
  auto gone = decode_response<responses::changed>(
      apply_entry(it.names(), as(1, 2, it.now_us(), new_directory(at("/d")))));
  REQUIRE_FALSE(gone.has_value());
  CHECK(atl::is_session_expired(gone.error()));
  CHECK(it.stat("/d").error().code == errc::not_found);
  CHECK(decode_response<responses::changed>(
            apply_entry(it.names(), as(2, 3, it.now_us(), new_directory(at("/d")))))
            .has_value());
}

TEST_CASE("the state's time is that of the latest command, and never goes back") {
  subject it;
  apply_entry(it.names(), as(1, 1, birth_us + 10 * second_us, new_directory(at("/a"))));
  apply_entry(it.names(), as(2, 1, birth_us, new_directory(at("/b"))));
  CHECK(it.attributes("/b").mtime_ns == birth_ns + 10 * second_ns);
}

TEST_CASE("a file that is stored without a time gets the state's time, not its client's") {
  subject it;
  REQUIRE(it.put("/f").has_value());
  CHECK(it.attributes("/f").mtime_ns == it.now_ns());
}

TEST_CASE("a file keeps the time that it was stored with, also one before 1970") {
  subject it;
  for (std::int64_t mtime_ns : {std::int64_t{0}, std::int64_t{-1},
                                std::int64_t{-315'619'200'000'000'000}, INT64_MIN, INT64_MAX}) {
    CAPTURE(mtime_ns);
    auto file = new_file(at("/f"), text_pieces("text"));
    file.inode.mtime_ns = mtime_ns;
    REQUIRE(it.run(file).has_value());
    CHECK(it.attributes("/f").mtime_ns == mtime_ns);
    CHECK(it.open_file("/f")->attributes.mtime_ns == mtime_ns);
    CHECK(it.query(queries::list{at("/")})->entries.at(0).attributes.mtime_ns == mtime_ns);
  }
}

TEST_CASE("a chunk from before the watermark is refused, and a later one is accepted") {
  subject it;
  it.register_storages();
  auto old = it.chunk(1);
  it.sleep(100 * second_us);
  auto kept = it.run(commands::collect_garbage{it.now_us() - 50 * second_us, 0, 0});
  REQUIRE(kept.has_value());
  auto late = it.put("/late", std::vector{old});
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().code == errc::refused);
  CHECK(it.put("/new", std::vector{it.chunk(2)}).has_value());
  SUBCASE("the watermark never goes back") {
    REQUIRE(it.run(commands::collect_garbage{1, 0, 0}).has_value());
    CHECK(it.summary().gc_watermark_us == kept->gc_watermark_us);
  }
  SUBCASE("nor into the future, which would refuse every file") {
    CHECK(it.run(commands::collect_garbage{it.now_us() + 900 * second_us, 0, 0}).error().code ==
          errc::invalid);
  }
}

TEST_CASE("a chunk is kept as long as any file refers to it") {
  subject it;
  it.register_storages();
  auto shared = it.chunk(1);
  REQUIRE(it.put("/a", std::vector{shared, it.chunk(2)}).has_value());
  REQUIRE(it.put("/b", std::vector{shared}).has_value());
  REQUIRE(it.remove("/a").has_value());
  CHECK(it.knows(shared));
  REQUIRE(it.put("/b", "other text").has_value());
  CHECK_FALSE(it.knows(shared));
  CHECK(it.summary().chunks == 0);
}

TEST_CASE("a chunk keeps its first checksum, and is refused with another") {
  subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  chunk.crc = 0x12345678;
  REQUIRE(it.put("/a", std::vector{chunk}).has_value());
  auto other = chunk;
  other.crc ^= 1;
  auto refused = it.put("/b", std::vector{other});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::refused);
  CHECK(refused.error().message.find("12345678") != std::string::npos);
  it.restart();
  CHECK(chunks_of(*it.open_file("/a")).at(0) == chunk);
  CHECK(it.query(queries::known{{chunk.id}})->chunks.at(0) == chunk);
  CHECK(it.query(queries::chunks_on{1, {}, 0})->chunks.at(0) == chunk);
  CHECK(it.query(queries::all_chunks{})->chunks.at(0) == chunk);
}

TEST_CASE("a storage node keeps its id, and neither its name nor its data folder can be "
          "registered again") {
  subject it;
  auto first = it.run(commands::register_storage{"node", "folder"});
  REQUIRE(first.has_value());
  CHECK(it.run(commands::register_storage{"node", "folder"})->id == first->id);
  CHECK(it.run(commands::register_storage{"node", "other"}).error().code == errc::refused);
  CHECK(it.run(commands::register_storage{"other", "folder"}).error().code == errc::refused);
  CHECK(it.run(commands::register_storage{"other", "other"})->id == first->id + 1);
  for (std::string bad : {std::string{}, std::string(300, 'x'), std::string{"\xff"}})
    CHECK(it.run(commands::register_storage{bad, "folder 3"}).error().code == errc::invalid);
}

TEST_CASE("a removed tree is invisible at once, and reclaimed in steps that survive a restart") {
  subject it;
  it.register_storages();
  for (std::uint64_t i = 0; i < 40; ++i)
    REQUIRE(it.put(fmt::format("/tree/{}/{}", i % 4, i), std::vector{it.chunk(i)}).has_value());
  REQUIRE(it.remove("/tree", true).has_value());
  CHECK(it.stat("/tree/1/1").error().code == errc::not_found);
  CHECK(it.put("/tree", "a file of the same name").has_value());
  std::size_t steps = 0;
  for (; it.summary().pending_removals > 0; ++steps) {
    REQUIRE(it.run(commands::collect_garbage{0, 7, 0}).has_value());
    it.restart();
  }
  CHECK(steps >= 40 / 7);
  CHECK(it.summary().chunks == 0);
  CHECK(it.summary().files == 1);
  CHECK(it.summary().directories == 1);
}

TEST_CASE("a long directory is listed in pages within the size limit of a response") {
  subject it;
  std::string filler(200, 'x');
  for (int i = 0; i < 600; ++i)
    REQUIRE(it.put(fmt::format("/d/{:04}{}", i, filler)).has_value());
  std::size_t seen = 0;
  std::size_t pages = 0;
  for (std::string after;; ++pages) {
    auto bytes = it.names().query(encode(query_message{queries::list{at("/d"), after}})).value();
    CHECK(bytes.size() <= limits::response_bytes_max);
    auto page = decode_response<responses::listing>(bytes);
    REQUIRE(page.has_value());
    for (auto& entry : page->entries)
      CHECK(entry.name == fmt::format("{:04}{}", seen++, filler));
    if (!page->more)
      break;
    after = page->entries.back().name;
  }
  CHECK(seen == 600);
  CHECK(pages >= 2);
}

TEST_CASE("names of any bytes but NUL and '/' are accepted, and invalid paths refused with the "
          "reason") {
  subject it;
  for (std::string good : {"/with space", "/ünïcode ☃", "/-", "/...", "/a\nb", "/~", "/\xc3\x28"})
    CHECK_MESSAGE(it.put(good).has_value(), good);
  CHECK(it.put("/" + std::string(255, 'x')).has_value());
  struct {
    std::string path;
    const char* says;
  } bad[] = {{"/absolute", "two slashes"},
             {"a/../b", "without '.' and '..'"},
             {".", "without '.' and '..'"},
             {"a//b", "two slashes"},
             {std::string(256, 'x'), "longer than 255"},
             {std::string("a\0b", 3), "NUL"}};
  for (auto& [path, says] : bad) {
    auto refused = it.run(new_file({root_inode, path}));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::invalid);
    CHECK_MESSAGE(refused.error().message.find(says) != std::string::npos, refused.error().message);
  }
  for (std::string path : {"relative", ""})
    CHECK(place_of(path).error().message.find("must begin with '/'") != std::string::npos);
  std::string deep;
  for (std::size_t i = 0; i <= limits::path_depth_max; ++i)
    deep += "/d";
  CHECK(it.put(deep).error().code == errc::invalid);
  CHECK(it.put(deep.substr(2)).has_value());
  std::string long_path;
  while (long_path.size() <= limits::path_bytes_max)
    long_path += "/" + std::string(200, 'x');
  CHECK(it.put(long_path).error().code == errc::invalid);
}

TEST_CASE("a query during apply sees a state between two entries") {
  subject it;
  it.register_storages();
  // Each version of the file consists of chunks of its own size.
  auto version = [&](std::uint64_t number) {
    std::vector<chunk_record> chunks;
    for (std::uint64_t i = 0; i < 3 + number % 5; ++i)
      chunks.push_back({{it.now_us(), number * 100 + i}, 1000 + number, {1, 2}, 0, it.policy()});
    return chunks;
  };
  REQUIRE(it.put("/f", version(1)).has_value());
  std::atomic<bool> stop{false};
  std::atomic<int> mixed{0};
  std::atomic<int> looks{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&] {
      while (!stop) {
        auto file = it.open_file("/f");
        auto chunks = file ? chunks_of(*file) : std::vector<chunk_record>{};
        auto number = chunks.empty() ? 0 : chunks.front().size_bytes - 1000;
        auto whole = !chunks.empty() && chunks.size() == 3 + number % 5;
        for (std::size_t i = 0; whole && i < chunks.size(); ++i)
          whole = chunks[i].id.random == number * 100 + i;
        mixed += whole ? 0 : 1;
        ++looks;
      }
    });
  for (std::uint64_t number = 2; number < 300 || looks < 100; ++number)
    REQUIRE(it.put("/f", version(number)).has_value());
  stop = true;
  for (auto& reader : readers)
    reader.join();
  CHECK(mixed == 0);
}
