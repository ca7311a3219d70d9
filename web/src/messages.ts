// What page and worker say to each other.

import type { Wanted } from "./engine.js";
import type { Drawn } from "./pipeline.js";

export type Request =
  | { kind: "start"; id: number; device: Wanted }
  | { kind: "cut"; id: number; device: Wanted; blob: Blob; keep?: Blob | null; erase?: Blob | null }
  | { kind: "stop"; id: number };

export type Answer =
  | { kind: "starting"; words: string; share: number | null } // everybody waits for it
  | { kind: "lost" } // the graphics card is: all is to be asked anew of another worker
  | { kind: "progress"; id: number; words: string; share: number | null }
  | { kind: "started"; id: number; how: string }
  | { kind: "done"; id: number; cut: Drawn }
  | { kind: "failed"; id: number; message: string };
