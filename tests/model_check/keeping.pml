/* SPDX-License-Identifier: MIT
 *
 * What threads keep for themselves, and the promise of the capacity: pick_from_word(), put_back(),
 * gather(), join(), end_thread() and spill() of include/millpond/pool/concurrent_core.hpp and
 * concurrent_core_cold.hpp. Claims and give-backs are one step each, see claiming.pml.
 *
 * Three threads allocate and free for ever, any of them any live block. Two of them come and go and
 * share one seat: who finds it taken works without, as does the third. Words have two blocks, of
 * the last word there may be one. Asserted is
 *   full_is_full   when a claim finds nothing: at that instant CAPACITY blocks are live, or freed by
 *                  calls that have not returned;
 *   held_once      a block that is handed out is nowhere else;
 *   nothing_left   a thread that has returned its seat keeps nothing;
 *   nothing_lost   every block is in some place then.
 *
 * Each line here is a test, see run.py; a defect is met by the assertion behind the colon.
 *
 *   holds SHARED_SEAT
 *   fails SHARED_SEAT NO_SPARES: full_is_full
 *   fails SHARED_SEAT SPARES_FOR_ONE_WORD: full_is_full
 *   fails SHARED_SEAT SPILL_FORGETS_GATHERED: nothing_left
 *   fails SHARED_SEAT SPILL_FORGETS_CURRENT: nothing_left
 *   fails SHARED_SEAT RETURNS_SEAT_FIRST: nothing_left
 *   fails SHARED_SEAT JOINS_IN_TWO_STEPS: nothing_left
 */

#ifdef SHARED_SEAT
#define SEATS 1
#endif
#define CAPACITY 1
#define KEPT 1
#define AT_ONCE 2
#if defined(NO_SPARES)
#define SPARES 0
#elif defined(SPARES_FOR_ONE_WORD)
#define SPARES (SEATS * (KEPT + AT_ONCE))
#else
#define SPARES (SEATS * (KEPT + 2 * AT_ONCE))
#endif
#define ALL ((1 << (CAPACITY + SPARES)) - 1)

#define LOWEST(mask) ((mask) & -(mask))
#define WORD_OF(mask) (((mask) & 3) -> 3 : (((mask) & 12) -> 12 : (((mask) & 48) -> 48 : 192)))

/* Masks of blocks. */
byte visible = ALL;
byte kept, gathered, current; /* of the seat */
bool taken;                   /* the seat's bit */
byte live;

/* For the assertions alone. */
byte hand[3]; /* blocks that calls have */
byte busy;    /* blocks that are live or freed by calls that have not returned */
bool full_is_full = 1, held_once = 1, nothing_left = 1, nothing_lost = 1;
#define IN_HAND (hand[0] | hand[1] | hand[2])

/* Hands out the block of hand[t], as part of the same step. */
inline hand_out() {
    held_once = !(hand[t] & (visible | kept | gathered | current | live));
    assert(held_once);
    live = live | hand[t];
    hand[t] = 0;
    busy++
}
inline find_nothing() {
    full_is_full = (busy >= CAPACITY);
    assert(full_is_full)
}

inline pick_from_word() {
    if
    :: current -> skip
    :: else ->
        d_step {
            if
            :: gathered -> current = gathered; gathered = 0
            :: !gathered && visible ->
                current = visible & WORD_OF(visible);
                visible = visible & ~current
            :: else -> find_nothing()
            fi;
            skip
        }
    fi;
    d_step {
        hand[t] = LOWEST(current);
        current = current & ~hand[t];
        if :: hand[t] -> hand_out() :: else fi;
        skip
    }
}
inline allocate_from_seat() {
    if
    :: kept -> d_step { hand[t] = kept; kept = 0; hand_out() }
    :: else -> pick_from_word()
    fi
}
inline allocate_directly() {
    d_step {
        if
        :: visible -> hand[t] = LOWEST(visible); visible = visible & ~hand[t]; hand_out()
        :: else -> find_nothing()
        fi;
        skip
    }
}

inline mark_freed() { /* any live block */
    d_step {
        if
        :: live & 1 -> hand[t] = 1
        :: live & 2 -> hand[t] = 2
        :: live & 4 -> hand[t] = 4
        :: live & 8 -> hand[t] = 8
        :: live & 16 -> hand[t] = 16
        :: live & 32 -> hand[t] = 32
        :: live & 64 -> hand[t] = 64
        :: live == 0 -> hand[t] = 0
        fi;
        live = live & ~hand[t]
    }
}
/* Moves `from` into the gathered word, which goes first if it is of another word. */
inline evict() {
    if
    :: gathered && (kept & WORD_OF(gathered)) == 0 ->
        d_step { visible = visible | gathered; gathered = 0 }
    :: else
    fi;
    d_step { gathered = gathered | kept; kept = 0 }
}
inline free_to_seat() {
    mark_freed();
    if
    :: hand[t] ->
        if :: kept -> evict() :: else fi;
        d_step { kept = hand[t]; hand[t] = 0; busy-- }
    :: else
    fi
}
inline free_directly() {
    mark_freed();
    d_step { visible = visible | hand[t]; busy = busy - (hand[t] != 0); hand[t] = 0 }
}

inline spill() {
    if :: kept -> evict() :: else fi;
#ifndef SPILL_FORGETS_GATHERED
    d_step { visible = visible | gathered; gathered = 0 }
#endif
#ifndef SPILL_FORGETS_CURRENT
    d_step { visible = visible | current; current = 0 }
#endif
}
inline end_thread() {
#ifdef RETURNS_SEAT_FIRST
    taken = 0;
    spill();
#else
    spill();
#endif
    d_step {
        nothing_left = !(kept | gathered | current);
        assert(nothing_left);
        nothing_lost = ((visible | live | IN_HAND) == ALL);
        assert(nothing_lost);
#ifndef RETURNS_SEAT_FIRST
        taken = 0;
#endif
        has_seat = 0
    }
}
inline join() {
    if
    :: taken -> skip
    :: else ->
#ifdef JOINS_IN_TWO_STEPS
        taken = 1;
        has_seat = 1
#else
        d_step { if :: !taken -> taken = 1; has_seat = 1 :: else fi; skip }
#endif
    fi
}

/* A thread; each end and new join is another one's. */
proctype comer(byte t) {
    bool has_seat;
    do
    :: !has_seat -> join()
    :: !has_seat -> allocate_directly()
    :: !has_seat && live -> free_directly()
    :: has_seat -> allocate_from_seat()
    :: has_seat && live -> free_to_seat()
    :: has_seat -> end_thread()
    od
}
proctype stranger(byte t) {
    do
    :: allocate_directly()
    :: live -> free_directly()
    od
}

init {
    atomic { run comer(0); run comer(1); run stranger(2) }
}
