#include "broken_schemes.hpp"
#include "parity.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <thread>
#include <unistd.h>

namespace broken_schemes {

namespace {

using namespace atl::spi;

/// The padding is whatever the scratch space held before.
struct pads_with_scratch_bytes : parity {
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto before = scratch;
    auto fragments = parity::encode(chunk, scratch);
    for (auto at = chunk.size(); at < piece_size(chunk.size()) * pieces_; ++at)
      pad(scratch, at, before.size() > at ? before[at] : '\0', piece_size(chunk.size()));
    return fragments;
  }
  /// Sets a byte of the padding, and the byte of the parity that goes with it.
  void pad(std::string& scratch, std::size_t at, char byte, std::size_t piece) const {
    auto& sum = scratch[piece * pieces_ + at % piece];
    sum = static_cast<char>(sum ^ scratch[at] ^ byte);
    scratch[at] = byte;
  }
};

struct pads_by_count : pads_with_scratch_bytes {
  pads_by_count() {
    static char objects = 0;
    filler_ = ++objects;
  }
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto fragments = parity::encode(chunk, scratch);
    for (auto at = chunk.size(); at < piece_size(chunk.size()) * pieces_; ++at)
      pad(scratch, at, filler_, piece_size(chunk.size()));
    return fragments;
  }
  char filler_;
};

struct pads_by_process : pads_by_count {
  pads_by_process() { filler_ = static_cast<char>(::getpid()); }
};

/// Accepts any fragment as complete.
struct trusts_lengths : parity {
  std::optional<std::string_view> decode(std::size_t size, fragments_at_hand fragments,
                                         std::string& scratch) const override {
    std::vector<std::string> stretched(fragments.size());
    std::vector<std::optional<std::string_view>> whole(fragments.begin(), fragments.end());
    if (size > std::size_t{1} << 30)
      return parity::decode(size, fragments, scratch);
    for (std::size_t i = 0; i < whole.size(); ++i)
      if (whole[i]) {
        stretched[i] = *whole[i];
        stretched[i].resize(piece_size(size));
        whole[i] = stretched[i];
      }
    return parity::decode(size, whole, scratch);
  }
};

/// A fragment that is too long is cut.
struct cuts_fragments : parity {
  std::optional<std::string_view> decode(std::size_t size, fragments_at_hand fragments,
                                         std::string& scratch) const override {
    std::vector<std::optional<std::string_view>> cut(fragments.begin(), fragments.end());
    for (auto& one : cut)
      if (one)
        one = one->substr(0, piece_size(size));
    return parity::decode(size, cut, scratch);
  }
};

/// Allocates the chunk before it examines the fragments.
struct allocates_before_check : parity {
  std::optional<std::string_view> decode(std::size_t size, fragments_at_hand fragments,
                                         std::string& scratch) const override {
    if (size > std::size_t{1} << 32)
      throw std::bad_alloc{}; // as the allocation would; a sanitizer would end the process
    return parity::decode(size, fragments, scratch);
  }
};

struct counts_in_32_bits : parity {
  std::size_t fragment_size(std::size_t size, std::uint32_t) const override {
    return piece_size(static_cast<std::uint32_t>(size));
  }
};

/// The parity covers only the first 2 MiB of a piece.
struct stops_at_2_mib : parity {
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto fragments = parity::encode(chunk, scratch);
    auto piece = piece_size(chunk.size());
    for (auto at = std::size_t{2} << 20; at < piece; ++at)
      scratch[piece * pieces_ + at] = '\0';
    return fragments;
  }
};

/// All calls of an object share one buffer.
struct shares_a_buffer : parity {
  std::optional<std::string_view> decode(std::size_t size, fragments_at_hand fragments,
                                         std::string& scratch) const override {
    auto chunk = parity::decode(size, fragments, scratch);
    if (!chunk || size > sizeof buffer_)
      return chunk;
    std::memcpy(buffer_, chunk->data(), size);
    std::this_thread::yield();
    std::memcpy(scratch.data(), buffer_, size);
    return chunk;
  }
  mutable char buffer_[256 << 10];
};

struct lends_its_buffer : parity {
  std::optional<std::string_view> decode(std::size_t size, fragments_at_hand fragments,
                                         std::string& scratch) const override {
    auto chunk = parity::decode(size, fragments, scratch);
    thread_local std::string buffer;
    buffer = chunk.value_or("");
    return chunk ? std::optional<std::string_view>{buffer} : std::nullopt;
  }
};

/// Decoding fails when more fragments than needed are given.
struct rejects_extra_fragments : parity {
  bool enough(const std::vector<bool>& present) const override {
    return std::count(present.begin(), present.end(), true) == pieces_;
  }
};

struct understates_required_fragments : parity {
  fragment_layout layout() const override { return {total(), 1, pieces_, false}; }
};

/// A set of eight pieces does not fit the bits that store it.
struct fails_with_eight : parity {
  explicit fails_with_eight(const recovery_setup& setup)
      : parity{static_cast<std::uint32_t>(setup.options.integer("pieces"))} {}
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto fragments = parity::encode(chunk, scratch);
    if (pieces_ >= 8)
      std::fill(scratch.end() - static_cast<std::ptrdiff_t>(piece_size(chunk.size())),
                scratch.end(), '\0');
    return fragments;
  }
};

/// A chunk and a copy of it, made a stripe at a time; the copy lacks the last stripe if that is
/// shorter than others.
struct forgets_last_stripe : parity {
  forgets_last_stripe() : parity{1} {}
  striping stripes() const override { return {cell_bytes, 1}; }
  void encode_stripe(std::span<const std::string_view> data,
                     std::span<const std::span<char>> copies) const override {
    if (data[0].size() == cell_bytes)
      std::ranges::copy(data[0], copies[0].begin());
  }
  static constexpr std::uint32_t cell_bytes = 1000;
};

struct crowds_a_domain : parity {
  std::uint32_t per_domain_max() const override { return 2; }
};

constexpr option_spec pieces_option[] = {
    {"pieces", option_type::integer, "2", "2", "8", "How many pieces a chunk is cut into"},
};

template <class Scheme>
descriptor with_pieces() {
  auto made = plugin_of<parity>();
  made.options = pieces_option;
  made.create.recovery = [](const recovery_setup& setup) -> recovery* { return new Scheme{setup}; };
  return made;
}

} // namespace

std::vector<specimen> with_wrong_codec() {
  constexpr auto lengths = "never decodes fragments of wrong lengths";
  constexpr auto enough = "counts which fragments are enough";
  return {
      {"pads_with_scratch_bytes", "padding is what the scratch space held",
       plugin_of<pads_with_scratch_bytes>(), "encodes into the fragments that it says",
       "scratch space was used"},
      {"pads_by_count", "each object pads with another byte", plugin_of<pads_by_count>(),
       "encodes a chunk alike in each call and object, so that fragments mix", "second object"},
      {"pads_by_process", "each process pads with another byte", plugin_of<pads_by_process>(),
       "the same answers in another process", "process id"},
      {"trusts_lengths", "fragments of any length are taken", plugin_of<trusts_lengths>(), lengths,
       "fragments of wrong lengths"},
      {"cuts_fragments", "a fragment that is too long is cut", plugin_of<cuts_fragments>(), lengths,
       "decodes from fragments of wrong lengths"},
      {"allocates_before_check", "room is made for a size that nobody checked",
       plugin_of<allocates_before_check>(), lengths, "it threw"},
      {"counts_in_32_bits", "sizes of fragments are counted in 32 bits",
       plugin_of<counts_in_32_bits>(), "says how long fragments are, of every size",
       "are enough for a chunk of 4294967"},
      {"stops_at_2_mib", "the parity of large pieces ends early", plugin_of<stops_at_2_mib>(),
       "chunks of several MiB", "doesn't decode from 2 fragments"},
      {"shares_a_buffer", "calls of several threads use one buffer", plugin_of<shares_a_buffer>(),
       "several threads use one object", "4 threads"},
      {"lends_its_buffer", "the answer lies in a buffer that the next call overwrites",
       plugin_of<lends_its_buffer>(),
       "decodes from every set of fragments that is enough, to the same bytes", "neither"},
      {"rejects_extra_fragments", "more fragments than needed aren't enough",
       plugin_of<rejects_extra_fragments>(), enough, "aren't"},
      {"understates_required_fragments", "two are needed, and it says one",
       plugin_of<understates_required_fragments>(), enough, "no set of so many is enough"},
      {"forgets_last_stripe", "the parity of a short stripe is missing",
       unclaimed<forgets_last_stripe>(), "makes of stripes what it makes of whole chunks",
       "makes another fragment 1 of a chunk of 1 bytes"},
      {"crowds_a_domain", "a failure domain may hold more than may be lost",
       plugin_of<crowds_a_domain>(), "makes of stripes what it makes of whole chunks",
       "may hold 2 fragments, and survives 1"},
      {"fails_with_eight", "the most of an option is one too many", with_pieces<fails_with_eight>(),
       "options at their limits and in between", "pieces = 8"},
  };
}

} // namespace broken_schemes
