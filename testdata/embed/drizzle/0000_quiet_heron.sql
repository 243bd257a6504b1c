CREATE TABLE `notes` (
	`id` integer PRIMARY KEY,
	`title` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `notes_title` ON `notes` (`title`);
