/* SPDX-License-Identifier: MIT
 *
 * Claims and give-backs of include/millpond/pool/atomic_occupancy.hpp: the same loads, stores and
 * atomic steps in the same order, on four words. Every access is one step, as all of them there are
 * sequentially consistent. What only one thread can see is done together with the access before it.
 *
 * Threads claim and give back; what they do in which order is left open. Asserted is
 *   nothing_free   when a claim finds nothing: at some instant of the call no block was free. A block
 *                  is free from the return of its give-back until a claimer has taken it out of its
 *                  word or has cleared the summary bit that makes the word its own;
 *   held_once      no block is taken by two;
 *   no_more        a claim of one block gets no more;
 *   nothing_lost   in the end every block is in exactly one place;
 *   nothing_hidden in the end every free block is below set bits.
 *
 * The shapes: TWO_LEVELS, DIRECT and HELPING are two words of two blocks below a root. DIRECT has only
 * claims that leave the rest of the word where it is, HELPING only claims of whole words: one that has
 * failed once asks for help, and whom a claimer helps is left open. THREE_LEVELS and WINDOWS are four words of one
 * block below two summary words and a root; WINDOWS begins with a claimer about to clear each bit of
 * the root. Each line here is a test, see run.py; a defect is met by the assertion behind the colon.
 * With ONLY_AT_THE_END the first three are not looked at.
 *
 *   holds TWO_LEVELS
 *   holds DIRECT
 *   holds HELPING
 *   holds THREE_LEVELS
 *   holds WINDOWS
 *   fails TWO_LEVELS SHOWS_ONLY_THE_FIRST: nothing_free
 *   fails TWO_LEVELS EXCHANGES_FIRST: nothing_free
 *   fails TWO_LEVELS EXCHANGES_FIRST AND_RECHECKS: nothing_free
 *   fails TWO_LEVELS EXCHANGES_FIRST ONLY_AT_THE_END: nothing_hidden
 *   fails TWO_LEVELS TAKES_IN_TWO_STEPS: held_once
 *   fails TWO_LEVELS TAKES_IN_TWO_STEPS ONLY_AT_THE_END: nothing_lost
 *   fails TWO_LEVELS NO_RECHECK: nothing_free
 *   fails HELPING LOOKS_TWICE: nothing_hidden
 *   fails HELPING SOME_MAY_ASK: no_more
 *   fails THREE_LEVELS NO_RECHECK: nothing_hidden
 *   fails WINDOWS NO_WINDOWS: nothing_free
 *   fails WINDOWS NO_SHOWN: nothing_free
 */

#define BIT(i) (1 << (i))
#define LOWEST(mask) ((mask) & -(mask))

/* The shape. Masks of blocks, words and summary words keep their place in the whole, so the bits of
 * a word are those of BLOCKS_OF(w) in W. */
#if defined(TWO_LEVELS) || defined(DIRECT) || defined(HELPING)
#define LEVELS 2
#define PER_WORD 2
#define WORDS 2
#elif defined(THREE_LEVELS) || defined(WINDOWS)
#define LEVELS 3
#define PER_WORD 1
#define WORDS 4
#endif
#if LEVELS == 2
#define SUMMARY_OF(w) 0
#define WORDS_OF(j) (BIT(WORDS) - 1)
#else
#define SUMMARY_OF(w) ((w) / 2)
#define WORDS_OF(j) (3 << (2 * (j)))
#endif
#define BLOCKS_OF(w) ((BIT(PER_WORD) - 1) << (PER_WORD * (w)))
#define ALL (BIT(PER_WORD * WORDS) - 1)
#define INDEX(one) ((one) == 1 -> 0 : ((one) == 2 -> 1 : ((one) == 4 -> 2 : 3)))

byte W;  /* a bit per block, 1 = free */
byte S1; /* a bit per word */
#if LEVELS == 3
byte R;  /* a bit per word of S1 */
#endif
byte opened, closed, shown;

#ifdef HELPING
#define ASKING 1
#define GRANTED 2
byte asks[3];
#endif

/* What the threads remember of the counts; NONE when that is over. Here, not in the threads, so that
 * forget() can see them. */
#define NONE 255
byte c0[3] = NONE, o0[3] = NONE, g0[3] = NONE;

/* For the assertions alone. */
byte held[3]; /* blocks that a thread has */
byte pend[3]; /* blocks whose give-back has not returned */
byte hand[3]; /* blocks of words that belong to a claimer who has yet to take them */
byte lent[3]; /* of words that were granted */
byte calls;   /* a bit per thread that claims */
byte nothing; /* a bit per such thread: no block was free at an instant of the call */
#define IN_HAND (hand[0] | hand[1] | hand[2] | lent[0] | lent[1] | lent[2])
#define FREE (W & ~IN_HAND & ~pend[0] & ~pend[1] & ~pend[2])
#define LOOK_AT_ALL if :: FREE == 0 -> nothing = nothing | calls :: else fi
bool nothing_free = 1, no_more = 1, held_once = 1, nothing_lost = 1, nothing_hidden = 1;

/* Counts matter by their differences only. States that differ by how much there was before are one. */
inline forget() {
    do
    :: closed > 0 && c0[0] > 0 && c0[1] > 0 && c0[2] > 0 && o0[0] > 0 && o0[1] > 0 && o0[2] > 0 ->
        closed--; opened--;
        if :: c0[0] != NONE -> c0[0]-- :: else fi;
        if :: c0[1] != NONE -> c0[1]-- :: else fi;
        if :: c0[2] != NONE -> c0[2]-- :: else fi;
        if :: o0[0] != NONE -> o0[0]-- :: else fi;
        if :: o0[1] != NONE -> o0[1]-- :: else fi;
        if :: o0[2] != NONE -> o0[2]-- :: else fi
    :: else -> break
    od;
    do
    :: shown > 0 && g0[0] > 0 && g0[1] > 0 && g0[2] > 0 ->
        shown--;
        if :: g0[0] != NONE -> g0[0]-- :: else fi;
        if :: g0[1] != NONE -> g0[1]-- :: else fi;
        if :: g0[2] != NONE -> g0[2]-- :: else fi
    :: else -> break
    od;
    skip
}
inline forget_counts() { c0[t] = NONE; o0[t] = NONE; g0[t] = NONE; forget() }

inline show_summary(jj) {
#if LEVELS == 3
    if :: R & BIT(jj) -> skip :: else -> R = R | BIT(jj) fi
#else
    skip
#endif
}
inline show_word(ww) {
    if :: S1 & BIT(ww) -> skip :: else -> S1 = S1 | BIT(ww) fi;
    show_summary(SUMMARY_OF(ww))
}

inline show_to_all(ww) {
    show_word(ww);
#ifndef NO_SHOWN
    c0[t] = closed;
    if :: c0[t] != opened -> shown++ :: else fi;
    d_step { forget_counts() }
#endif
}

inline hide_above(jj) { /* the root's bit over summary word jj */
#if LEVELS == 3
    R = R & ~BIT(jj);
#ifndef NO_RECHECK
    if :: S1 & WORDS_OF(jj) -> show_summary(jj) :: else fi
#endif
#else
    skip
#endif
}
inline hide_summary(jj) { /* hide(1, jj) */
#if LEVELS == 3
    opened++;
    hide_above(jj);
    d_step { closed++; forget() }
#else
    skip
#endif
}
inline hide_word(ww) { /* hide(0, ww) */
    opened++;
    d_step { before = S1 & WORDS_OF(SUMMARY_OF(ww)) & ~BIT(ww); S1 = S1 & ~BIT(ww) }
#ifdef NO_RECHECK
    if
#else
    if
    :: W & BLOCKS_OF(ww) -> before = 0; show_word(ww)
#endif
    :: else -> if :: before -> before = 0 :: else -> hide_above(SUMMARY_OF(ww)) fi
    fi;
    d_step { closed++; forget() }
}

/* `mask` was taken just now: part of the same step. */
inline taken() {
#ifndef ONLY_AT_THE_END
    held_once = !(mask & (held[0] | held[1] | held[2]));
    assert(held_once);
#endif
    held[t] = held[t] | mask;
    hand[0] = hand[0] & ~mask; hand[1] = hand[1] & ~mask; hand[2] = hand[2] & ~mask;
    lent[0] = lent[0] & ~mask; lent[1] = lent[1] & ~mask; lent[2] = lent[2] & ~mask;
    pend[0] = pend[0] & ~mask; pend[1] = pend[1] & ~mask; pend[2] = pend[2] & ~mask;
    LOOK_AT_ALL;
    if :: mask -> calls = calls & ~BIT(t); nothing = nothing & ~BIT(t) :: else fi;
    skip
}
inline lowest_of_wanted() {
    if :: whole -> skip :: else -> wanted = LOWEST(wanted) fi
}
inline take_some(ww) {
    d_step { wanted = W & BLOCKS_OF(ww); lowest_of_wanted(); skip }
    if
    :: wanted ->
#ifdef TAKES_IN_TWO_STEPS
        d_step { mask = wanted & W; wanted = W & ~wanted }
        d_step { W = (W & ~BLOCKS_OF(ww)) | (wanted & BLOCKS_OF(ww)); wanted = 0; taken() }
#else
        d_step { mask = wanted & W; W = W & ~wanted; wanted = W & BLOCKS_OF(ww); taken() }
        if :: wanted -> wanted = 0 :: else -> hide_word(ww) fi
#endif
    :: else
    fi
}

#ifdef HELPING
/* Whose turn it is is left open, and whether this claim has looked already. */
inline give_away() {
    if
    :: other = (t + 1) % 3
    :: other = (t + 2) % 3
    :: other = t
    fi;
    if
    :: other != t && asks[other] == ASKING ->
        if
        :: W & BLOCKS_OF(i) ->
            d_step {
                if
                :: asks[other] == ASKING ->
                    asks[other] = GRANTED + i;
                    lent[other] = hand[t];
                    hand[t] = 0;
                    mine = 0;
                    i = 0
                :: else
                fi;
                other = 0
            }
        :: else -> other = 0
        fi
    :: else -> other = 0
    fi
}
/* True when this thread goes on asking. */
inline settle() {
    if
    :: !mask && !failed && asks[t] == ASKING -> skip
    :: else ->
        d_step { i = asks[t]; asks[t] = 0; asked = 0 }
        if
        :: i < GRANTED -> i = 0
        :: else ->
            i = i - GRANTED;
            if
            :: mask ->
                show_to_all(i);
                d_step { lent[t] = 0; i = 0 }
            :: else ->
                d_step { mask = W & BLOCKS_OF(i); W = W & ~mask; failed = 0; taken() }
                d_step { lent[t] = 0; i = 0 }
            fi
        fi
    fi;
#ifdef LOOKS_TWICE
    asked = (asks[t] == ASKING)
#endif
}
#endif
inline end_of_try() {
#ifdef HELPING
    if
    :: asked -> settle()
#ifndef SOME_MAY_ASK
    :: !asked && !whole -> skip
#endif
    :: !asked && (mask || failed) -> skip
    :: else -> asks[t] = ASKING; asked = 1
    fi
#else
    skip
#endif
}

inline claim_below(jj) {
    mine = LOWEST(S1 & WORDS_OF(jj));
    if
    :: mine == 0 -> skip
    :: else ->
#if defined(EXCHANGES_FIRST)
        d_step { i = INDEX(mine); mask = W & BLOCKS_OF(i); W = W & ~BLOCKS_OF(i); mine = 0; taken() }
        d_step { S1 = S1 & ~BIT(i); rest = S1 & WORDS_OF(jj) }
#ifdef AND_RECHECKS
        if :: W & BLOCKS_OF(i) -> show_word(i) :: else fi;
#endif
        i = 0;
#else
        d_step {
            i = INDEX(mine);
            rest = S1 & WORDS_OF(jj) & ~mine;
            mine = S1 & mine;
            S1 = S1 & ~mine;
            if :: mine -> hand[t] = W & BLOCKS_OF(i); LOOK_AT_ALL :: else -> i = 0 fi;
            skip
        }
#ifdef HELPING
        if :: mine -> give_away() :: else fi;
#endif
        if
        :: mine ->
            d_step { mask = W & BLOCKS_OF(i); W = W & ~BLOCKS_OF(i); mine = 0; i = 0; taken() }
        :: else
        fi;
        hand[t] = 0;
#endif
        if :: rest -> rest = 0 :: else -> hide_summary(jj) fi
    fi
}
inline claim_some_below(jj) {
    rest = S1 & WORDS_OF(jj);
    do
    :: rest == 0 -> break
    :: else ->
        d_step { i = INDEX(LOWEST(rest)); rest = rest & ~LOWEST(rest) }
        take_some(i);
        if :: mask -> rest = 0; break :: else -> hide_word(i) fi
    od;
    i = 0
}
inline claim_by_scan() {
    do
    :: i == WORDS -> break
    :: else -> take_some(i); if :: mask -> break :: else -> i++ fi
    od;
    i = 0
}
/* The root is empty. */
inline claim_nothing() {
    if
#ifdef NO_WINDOWS
    :: 1 -> failed = 1
#else
    :: c0[t] == o0[t] && opened == o0[t] -> failed = 1
#endif
    :: else ->
        claim_by_scan();
        if
        :: mask -> skip
        :: else ->
            if :: shown != g0[t] -> skip :: else ->
            if :: opened != o0[t] -> skip :: else -> failed = (closed != o0[t]) fi fi
        fi
    fi;
    d_step { forget_counts() }
}
inline claim() {
    d_step { calls = calls | BIT(t); LOOK_AT_ALL; skip }
    do
    :: mask || failed ->
        d_step {
#ifndef ONLY_AT_THE_END
            no_more = whole || mask == LOWEST(mask);
            assert(no_more);
            nothing_free = !failed || (nothing & BIT(t)) != 0;
            assert(nothing_free);
#endif
            calls = calls & ~BIT(t); nothing = nothing & ~BIT(t); mask = 0; failed = 0; whole = 0
        }
        break
    :: else ->
        c0[t] = closed;
        o0[t] = opened;
        g0[t] = shown;
#if LEVELS == 3
        d_step { j = R; if :: j -> j = INDEX(LOWEST(j)); forget_counts() :: else -> j = NONE fi; skip }
        if
        :: j == NONE -> j = 0; claim_nothing()
        :: else ->
            if
            :: S1 & WORDS_OF(j) ->
                if :: whole -> claim_below(j) :: else -> claim_some_below(j) fi
            :: else -> hide_summary(j)
            fi
        fi;
        j = 0;
#else
        d_step { j = (S1 -> 0 : NONE); if :: j == 0 -> forget_counts() :: else fi; skip }
        if
        :: j == NONE -> j = 0; claim_nothing()
        :: whole && j == 0 -> claim_below(0)
        :: !whole && j == 0 -> claim_some_below(0)
        fi;
#endif
        end_of_try()
    od
}

inline give_back() { /* the blocks of one word that this thread has */
    d_step {
        pend[t] = held[t] & BLOCKS_OF(i);
        held[t] = held[t] & ~BLOCKS_OF(i);
#ifdef SHOWS_ONLY_THE_FIRST
        before = W & BLOCKS_OF(i);
#endif
        W = W | pend[t]
    }
    if :: before -> before = 0 :: else -> show_to_all(i) fi;
    d_step { pend[t] = 0; i = 0 }
}

#define LOCALS byte i, j, rest, mine, before, wanted, mask, other; bool whole, failed, asked

proctype thread(byte t; byte steps) {
    LOCALS;
    do
    :: steps == 0 -> break
#ifdef WINDOWS
    :: steps == 3 -> atomic { steps--; i = 3 } give_back()
    :: steps == 2 -> atomic { steps--; i = 1 } give_back()
    :: steps == 1 -> atomic { steps--; whole = 1 } claim()
#else
    :: steps && (held[t] & BLOCKS_OF(0)) -> atomic { steps--; i = 0 } give_back()
    :: steps && (held[t] & BLOCKS_OF(1)) -> atomic { steps--; i = 1 } give_back()
#if WORDS == 4
    :: steps && (held[t] & BLOCKS_OF(2)) -> atomic { steps--; i = 2 } give_back()
    :: steps && (held[t] & BLOCKS_OF(3)) -> atomic { steps--; i = 3 } give_back()
#endif
#if !defined(HELPING) || defined(SOME_MAY_ASK)
    :: steps -> atomic { steps--; whole = 0 } claim()
#endif
#ifndef DIRECT
    :: steps -> atomic { steps--; whole = 1 } claim()
#endif
#endif
    od
}

#define BELOW(w) (!(W & BLOCKS_OF(w)) || (S1 & BIT(w)))
#if LEVELS == 3
#define ALL_BELOW (BELOW(0) && BELOW(1) && BELOW(2) && BELOW(3) && \
    (!(S1 & WORDS_OF(0)) || (R & 1)) && (!(S1 & WORDS_OF(1)) || (R & 2)))
#else
#define ALL_BELOW (BELOW(0) && BELOW(1))
#endif

#ifdef WINDOWS
/* A claimer that has the last word below a summary word and is about to return. */
proctype hider(byte j) { hide_above(j); d_step { closed++; forget() } }
#endif

init {
    atomic {
#if defined(WINDOWS)
        held[1] = 10; held[2] = 5; R = 3; opened = 2;
        run hider(0); run hider(1);
        run thread(0, 1); run thread(1, 3)
#else
#if LEVELS == 2
        held[0] = 5; held[1] = 10;
#else
        held[0] = 1; held[1] = 10; held[2] = 4;
#endif
#if LEVELS == 2
        run thread(0, 2); run thread(1, 1); run thread(2, 1)
#else
        run thread(0, 1); run thread(1, 1); run thread(2, 1)
#endif
#endif
    }
    _nr_pr == 1;
    nothing_lost = ((W | held[0] | held[1] | held[2]) == ALL);
    assert(nothing_lost);
    nothing_hidden = (ALL_BELOW);
    assert(nothing_hidden)
}
