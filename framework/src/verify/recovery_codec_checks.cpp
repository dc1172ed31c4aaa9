#include "recovery_codec_checks.hpp"

#include "encoded_fragments.hpp"

#include <atoll/core/worker_threads.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <optional>
#include <string_view>
#include <vector>

namespace atl::verify::codec {

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

using stored_fragments = std::vector<std::string>;

stored_fragments encoded(const spi::recovery& scheme, std::string_view chunk) {
  return properties::encoded_fragments(scheme, chunk);
}

std::optional<std::string> decoded(const spi::recovery& scheme, std::size_t size,
                                   const stored_fragments& fragments,
                                   const std::vector<bool>& present) {
  std::vector<std::optional<std::string_view>> views(fragments.size());
  for (std::size_t i = 0; i < views.size(); ++i)
    if (present[i])
      views[i] = fragments[i];
  std::string scratch;
  auto chunk = scheme.decode(size, views, scratch);
  return chunk ? std::optional<std::string>{*chunk} : std::nullopt;
}

/// A random minimal set of fragments from which a chunk can be decoded.
std::vector<bool> smallest_set(const spi::recovery& scheme, spi::random_source& random) {
  auto total = scheme.layout().total;
  std::vector<std::uint32_t> order(total);
  std::iota(order.begin(), order.end(), 0);
  for (auto left = total; left > 1; --left)
    std::swap(order[left - 1], order[random.below(left)]);
  std::vector<bool> present(total, true);
  for (auto i : order) {
    present[i] = false;
    if (!scheme.enough(present))
      present[i] = true;
  }
  return present;
}

/// FNV-1a.
std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (auto byte : bytes)
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

std::string text_of(const spi::repair_step& step) {
  return fmt::format("{} {} {} {} {}\n", static_cast<int>(step.action), step.chunk, step.fragment,
                     fmt::join(step.sources, ","), fmt::join(step.source_fragments, ","));
}

std::string text_of(const std::optional<std::vector<spi::fragment_range>>& reads) {
  std::string text = reads ? "" : "none\n";
  for (std::size_t i = 0; reads && i < reads->size(); ++i)
    text += fmt::format("{} {} {}\n", (*reads)[i].fragment, (*reads)[i].offset, (*reads)[i].length);
  return text;
}

/// A range of a chunk and a part of a fragment, made with one fragment lost, and what is read.
std::string text_of_parts(const spi::recovery& scheme, std::size_t size,
                          const stored_fragments& fragments, spi::random_source& random) {
  auto lost = static_cast<std::uint32_t>(random.below(fragments.size()));
  auto sources = properties::all_sources_but(scheme.layout().total, lost);
  auto offset = random.below(size + 1);
  std::string made(random.below(size - offset + 1), '\0');
  auto reads = scheme.reads_for(size, offset, made.size(), sources);
  auto text = text_of(reads);
  if (reads)
    scheme.assemble(size, offset, properties::pieces_of(fragments, *reads), made);
  text += fmt::format("{:x}\n", hash_of(made));
  spi::fragment_range wanted{lost, 0, random.below(fragments[lost].size() + 1)};
  made.assign(wanted.length, '\0');
  reads = scheme.reads_to_rebuild(size, wanted, sources);
  text += text_of(reads);
  if (reads)
    scheme.rebuild(size, wanted, properties::pieces_of(fragments, *reads), made);
  return text + fmt::format("{:x}\n", hash_of(made));
}

/// The results of a scheme for work that is drawn from the seed, as text.
std::string answers(const spi::recovery& scheme, std::uint64_t seed) {
  spi::random_source random{seed};
  std::string text;
  for (int i = 0; i < 4; ++i) {
    auto chunk = properties::random_bytes(random, random.below(5'000));
    auto fragments = encoded(scheme, chunk);
    for (auto& fragment : fragments)
      text += fmt::format("{} {:x}\n", fragment.size(), hash_of(fragment));
    auto back = decoded(scheme, chunk.size(), fragments, smallest_set(scheme, random));
    text += fmt::format("{}\n", back == chunk);
    text += text_of_parts(scheme, chunk.size(), fragments, random);
  }
  properties::fragment_model model{scheme};
  properties::damage(model, scheme, random, 6);
  auto reports = model.reports();
  for (auto& report : reports) {
    auto verdict = scheme.judge(report);
    text += fmt::format("{} {}\n", static_cast<int>(verdict.health), verdict.spare);
  }
  for (auto& step : scheme.plan(reports))
    text += text_of(step);
  return text;
}

} // namespace

std::string large_chunk(spi::random_source& random, std::size_t size) {
  std::string bytes(size, '\0');
  auto state = random.next();
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    bytes[i] = static_cast<char>(state >> 56);
  }
  return bytes;
}

std::string work_as_text(const scheme_maker& make, std::uint64_t first, std::uint64_t seeds) {
  std::string text;
  for (auto seed = first; seed < first + seeds; ++seed)
    text += fmt::format("{:016x}\n", hash_of(answers(*make(), seed)));
  return text;
}

finding encodes_alike(const scheme_maker& make, std::uint64_t seed) {
  spi::random_source random{seed};
  auto one = make(), other = make();
  auto chunk = properties::random_bytes(random, random.below(20'000));
  auto first = encoded(*one, chunk);
  auto other_chunk = properties::random_bytes(random, random.below(20'000));
  encoded(*one, other_chunk);
  for (auto* scheme : {one.get(), other.get()}) {
    auto second = encoded(*scheme, chunk);
    auto differ = std::mismatch(first.begin(), first.end(), second.begin(), second.end()).first;
    if (differ != first.end() || first.size() != second.size())
      return fmt::format("encodes a chunk of {} bytes into another fragment {} the second time{}: "
                         "fragments of several calls are decoded together after each repair",
                         chunk.size(), differ - first.begin(),
                         scheme == one.get() ? "" : ", by a second object");
    auto mixed = first;
    for (auto& fragment : mixed)
      if (random.chance(0.5))
        fragment = second[static_cast<std::size_t>(&fragment - mixed.data())];
    if (decoded(*other, chunk.size(), mixed, smallest_set(*scheme, random)) != chunk)
      return "decodes fragments that another call encoded to something else";
  }
  return std::nullopt;
}

finding sizes_are_right(const spi::recovery& scheme, std::uint64_t seed) {
  spi::random_source random{seed};
  auto total = scheme.layout().total;
  const std::size_t sizes[] = {random.below(600), random.below(70'000)};
  for (auto size : sizes) {
    auto fragments = encoded(scheme, std::string(size, 'x'));
    for (std::uint32_t i = 0; i < total; ++i)
      if (fragments[i].size() != scheme.fragment_size(size, i))
        return fmt::format("says that fragment {} of a chunk of {} bytes has {}, and it has {}", i,
                           size, scheme.fragment_size(size, i), fragments[i].size());
  }
  const std::size_t large[] = {std::size_t{1} << 31, (std::size_t{1} << 32) + random.below(99),
                               (std::size_t{1} << 40) + random.below(99)};
  for (auto size : large) {
    auto present = smallest_set(scheme, random);
    std::size_t held = 0;
    for (std::uint32_t i = 0; i < total; ++i)
      if (present[i])
        held += scheme.fragment_size(size, i);
    if (held < size)
      return fmt::format("says that {} fragments of {} bytes in all are enough for a chunk of {}",
                         std::count(present.begin(), present.end(), true), held, size);
  }
  return std::nullopt;
}

finding handles_large_chunks(const spi::recovery& scheme, std::uint64_t seed) {
  spi::random_source random{seed};
  for (auto size :
       {mebibyte, 8 * mebibyte, 4 * mebibyte - 1, 4 * mebibyte + 1 + random.below(100'000)}) {
    auto chunk = large_chunk(random, size);
    auto where = fmt::format(", of a chunk of {} bytes", size);
    if (auto wrong = properties::encodes_as_it_says(scheme, chunk))
      return *wrong + where;
    auto fragments = encoded(scheme, chunk);
    auto smallest = smallest_set(scheme, random);
    std::vector<bool> all(fragments.size(), true);
    for (auto& present : {smallest, all})
      if (decoded(scheme, size, fragments, present) != chunk)
        return fmt::format("doesn't decode from {} fragments that are enough{}",
                           std::count(present.begin(), present.end(), true), where);
  }
  return std::nullopt;
}

finding serves_several_threads(const spi::recovery& scheme, std::uint64_t seed) {
  constexpr unsigned threads = 4;
  constexpr std::uint64_t rounds = 12;
  std::vector<std::string> expected;
  for (std::uint64_t i = 0; i < threads; ++i)
    expected.push_back(answers(scheme, seed + i));
  spi::random_source random{seed};
  auto chunk = large_chunk(random, 200'000);
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  finding wrong;
  run_on_threads(threads, [&] {
    auto number = next++;
    auto rotated = chunk;
    std::rotate(rotated.begin(), rotated.begin() + static_cast<std::ptrdiff_t>(1'000 * number),
                rotated.end());
    spi::random_source own_random{seed + number};
    for (std::uint64_t round = 0; round < rounds; ++round) {
      auto back = decoded(scheme, rotated.size(), encoded(scheme, rotated),
                          smallest_set(scheme, own_random));
      if (back == rotated && answers(scheme, seed + number) == expected[number])
        continue;
      std::lock_guard lock{mutex};
      wrong = fmt::format("answers otherwise when {} threads use one object at once", threads);
      return;
    }
  });
  return wrong;
}

} // namespace atl::verify::codec
